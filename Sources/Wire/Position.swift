/// Where a viewer stands in a channel's log: the id of an event on the wire, `<offset>.<epoch>`.
///
/// `offset` counts 1, 2, 3 … within the channel. `epoch` is a random string that was made with the channel's history:
/// positions of different epochs cannot be compared.
public struct Position: Hashable, Sendable {
    public static let epochLengthMax = 32
    /// The largest offset that is read: JavaScript's numbers and Lua's end there, and whoever counts on from it must not
    /// overflow. A viewer may say any position.
    public static let offsetMax: UInt64 = (1 << 53) - 1

    public let offset: UInt64
    public let epoch: String

    public init(offset: UInt64, epoch: String) {
        self.offset = offset
        self.epoch = epoch
    }

    /// The position before the first event of a channel that nobody has written to yet.
    public static let beginning = Position(offset: 0, epoch: "0")

    /// Reads `<offset>.<epoch>`; `nil` for anything else (signs, spaces, an empty or over-long epoch, an offset over
    /// ``offsetMax``).
    public init?(parsing text: some StringProtocol) {
        var text = String(text)
        guard let position = text.withUTF8({ Position(utf8: $0) }) else { return nil }
        self = position
    }

    /// The same, out of bytes: this runs once a comment and once a message.
    package init?(utf8 text: UnsafeBufferPointer<UInt8>) {
        guard let dot = text.firstIndex(of: UInt8(ascii: ".")), let offset = Position.offset(text[..<dot]) else {
            return nil
        }
        let epoch = text[(dot + 1)...]
        guard !epoch.isEmpty, epoch.count <= Position.epochLengthMax, epoch.allSatisfy(Position.isEpochByte) else {
            return nil
        }
        self.init(offset: offset, epoch: String(decoding: epoch, as: UTF8.self))
    }

    /// An offset in decimal digits; `nil` for anything else, and over ``offsetMax``.
    package static func offset(_ digits: some Collection<UInt8>) -> UInt64? {
        guard !digits.isEmpty else { return nil }
        var offset: UInt64 = 0
        for byte in digits {
            guard (0x30...0x39).contains(byte) else { return nil }
            offset = offset * 10 + UInt64(byte &- 0x30)
            guard offset <= offsetMax else { return nil }
        }
        return offset
    }

    private static func isEpochByte(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte)
    }
}

extension Position: CustomStringConvertible {
    public var description: String { "\(offset).\(epoch)" }
}
