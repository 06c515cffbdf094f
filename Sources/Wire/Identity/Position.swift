/// Where a viewer stands in a channel's log: the id of an event on the wire, `<offset>.<epoch>`.
///
/// `offset` counts 1, 2, 3 … within the channel. `epoch` is a random string that was made with the channel's history:
/// positions of different epochs cannot be compared.
public struct Position: Hashable, Sendable {
    public static let epochLengthMax = 32

    public let offset: UInt64
    public let epoch: String

    public init(offset: UInt64, epoch: String) {
        self.offset = offset
        self.epoch = epoch
    }

    /// The position before the first event of a channel that nobody has written to yet.
    public static let beginning = Position(offset: 0, epoch: "0")

    /// Reads `<offset>.<epoch>`; `nil` for anything else (signs, spaces, an empty or over-long epoch, overflow).
    public init?(parsing text: some StringProtocol) {
        guard let dot = text.firstIndex(of: "."), let offset = Position.offset(of: text[..<dot]) else { return nil }
        let epoch = text[text.index(after: dot)...]
        guard !epoch.isEmpty, epoch.utf8.count <= Position.epochLengthMax,
            epoch.utf8.allSatisfy({ ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A || $0 >= 0x30 && $0 <= 0x39 })
        else { return nil }
        self.init(offset: offset, epoch: String(epoch))
    }

    private static func offset(of digits: some StringProtocol) -> UInt64? {
        guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return UInt64(digits)
    }
}

extension Position: CustomStringConvertible {
    public var description: String { "\(offset).\(epoch)" }
}
