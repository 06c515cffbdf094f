/// One of the 16,384 slots over which the keys of a Redis Cluster are spread (redis.io, "Redis cluster specification").
public struct HashSlot: Hashable, Comparable, Sendable {
    public static let count = 16_384

    /// 0 to 16,383.
    public let number: Int

    /// - Parameter number: 0 to 16,383; other numbers are `nil`.
    public init?(_ number: Int) {
        guard (0..<Self.count).contains(number) else { return nil }
        self.number = number
    }

    /// The slot of a key or a sharded channel. What stands between the first `{` and the next `}` alone counts, unless
    /// nothing does.
    public init(key: some Collection<UInt8>) {
        var crc: UInt16 = 0
        for byte in Self.tag(of: key[...]) {
            crc = crc << 8 ^ Self.table[Int(UInt8(truncatingIfNeeded: crc >> 8) ^ byte)]
        }
        number = Int(crc) % Self.count
    }

    public init(key: String) { self.init(key: key.utf8) }

    public static func < (one: HashSlot, other: HashSlot) -> Bool { one.number < other.number }

    private static func tag<Bytes: Collection<UInt8>>(of key: Bytes) -> Bytes.SubSequence {
        guard let open = key.firstIndex(of: UInt8(ascii: "{")) else { return key[...] }
        let rest = key[key.index(after: open)...]
        guard let close = rest.firstIndex(of: UInt8(ascii: "}")), close != rest.startIndex else { return key[...] }
        return rest[..<close]
    }

    /// CRC16-XMODEM: polynomial 0x1021, nothing reflected.
    private static let table: [UInt16] = (0..<256).map { (byte: UInt16) in
        (0..<8).reduce(byte << 8) { crc, _ in crc & 0x8000 == 0 ? crc << 1 : crc << 1 ^ 0x1021 }
    }
}

extension RedisCommand {
    /// Commands that belong to no slot: each node may be asked.
    private static let keyless: Set<String> = [
        "ASKING", "AUTH", "CLIENT", "CLUSTER", "CONFIG", "DBSIZE", "DISCARD", "EXEC", "INFO", "MULTI", "PING",
        "PUBLISH",
        "PUBSUB", "ROLE", "SCRIPT", "SENTINEL", "TIME", "WAIT",
    ]

    /// The slot of its first key or sharded channel, or that it is for; `nil` for a command that every server may get.
    var slot: HashSlot? {
        if let route { return HashSlot(key: route) }
        let name = String(decoding: argument(0) ?? [], as: UTF8.self)
        switch name {
        case _ where Self.keyless.contains(name): return nil
        case "EVAL", "EVALSHA":
            guard argument(2).map({ Array($0) }) != Array("0".utf8) else { return nil }
            return argument(3).map { HashSlot(key: $0) }
        case "XGROUP", "XINFO": return argument(2).map { HashSlot(key: $0) }
        case "XREAD", "XREADGROUP":
            let streams = Array("STREAMS".utf8)
            let word = (1..<max(1, argumentCount)).first { argument($0).map { Array($0) == streams } == true }
            return word.flatMap { argument($0 + 1) }.map { HashSlot(key: $0) }
        default: return argument(1).map { HashSlot(key: $0) }
        }
    }

    /// The bytes of one of its strings, the name being the first; `nil` behind the last.
    func argument(_ index: Int) -> ArraySlice<UInt8>? {
        var rest = body[...]
        for number in 0..<argumentCount {
            // $<length>\r\n<bytes>\r\n
            let digits = rest.dropFirst().prefix { $0 != 0x0D }
            let length = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
            let text = rest.dropFirst(digits.count + 3)
            if number == index { return text.prefix(length) }
            rest = text.dropFirst(length + 2)
        }
        return nil
    }

    /// Whether it is the command `name`.
    func isCalled(_ name: String) -> Bool { argument(0)?.elementsEqual(name.utf8) == true }
}
