/// One encoded event on its way to viewers. The bytes are shared by everybody who gets them.
public struct Frame: Equatable, Sendable {
    public enum Kind: Equatable, Sendable {
        /// Ordered, replayable, at this offset of its channel.
        case log(offset: UInt64)
        /// Only the newest of its name counts.
        case state
        /// Part of the log's order, but with no place of its own: a gap that has to be told.
        case notice
    }

    public let bytes: [UInt8]
    public let kind: Kind

    public init(_ bytes: [UInt8], kind: Kind) {
        self.bytes = bytes
        self.kind = kind
    }

    /// What makes two state events the same state: the line that names the event.
    var stateKey: ArraySlice<UInt8> {
        bytes[..<(bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex)]
    }
}
