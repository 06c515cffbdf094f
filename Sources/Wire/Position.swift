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
        var text = String(text)
        guard let position = text.withUTF8({ Position(utf8: $0) }) else { return nil }
        self = position
    }

    /// The same, out of bytes: this runs once a comment and once a message.
    private init?(utf8 text: UnsafeBufferPointer<UInt8>) {
        guard let dot = text.firstIndex(of: UInt8(ascii: ".")), dot > 0 else { return nil }
        var offset: UInt64 = 0
        for byte in text[..<dot] {
            guard (0x30...0x39).contains(byte) else { return nil }
            let (tens, overflowed) = offset.multipliedReportingOverflow(by: 10)
            let (sum, carried) = tens.addingReportingOverflow(UInt64(byte &- 0x30))
            guard !overflowed, !carried else { return nil }
            offset = sum
        }
        let epoch = text[(dot + 1)...]
        guard !epoch.isEmpty, epoch.count <= Position.epochLengthMax, epoch.allSatisfy(Position.isEpochByte) else {
            return nil
        }
        self.init(offset: offset, epoch: String(decoding: epoch, as: UTF8.self))
    }

    private static func isEpochByte(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte)
    }
}

extension Position: CustomStringConvertible {
    public var description: String { "\(offset).\(epoch)" }
}
