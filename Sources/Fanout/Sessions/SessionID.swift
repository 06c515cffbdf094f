/// Names a session of Socket.IO: random, so that nobody guesses another's. Says too which loop of the Reader has it.
public struct SessionID: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    /// Random.
    public init() {
        high = .random(in: 0 ... .max)
        low = .random(in: 0 ... .max)
    }

    /// Reads ``text``; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == 32, text.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
            let high = UInt64(text.prefix(16), radix: 16), let low = UInt64(text.suffix(16), radix: 16)
        else { return nil }
        self.high = high
        self.low = low
    }

    /// 32 hexadecimal digits.
    public var text: String {
        [high, low].map { number in
            let digits = String(number, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    func loop(of count: Int) -> Int { Int(high % UInt64(count)) }
}
