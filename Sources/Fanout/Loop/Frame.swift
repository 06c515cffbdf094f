internal import Broker
public import Wire

/// One encoded event on its way to viewers. The bytes are shared by everybody who gets them.
public struct Frame: Equatable, Sendable {
    public enum Kind: Equatable, Sendable {
        /// Ordered, replayable, at this position of its channel.
        case log(Position)
        /// Only the newest of its name counts.
        case state
        /// Part of the log's order, but no log event: a gap. The stream goes on after this position.
        case notice(Position)
    }

    public let bytes: [UInt8]
    public let kind: Kind
    /// The stream goes on after a position that lies before what was delivered.
    var goesBack = false
    /// `nil` for what is not a comment that came just now.
    var times: MessageTimes?

    public init(_ bytes: [UInt8], kind: Kind) {
        self.bytes = bytes
        self.kind = kind
    }

    /// Where the log stands after this frame; `nil` for states.
    var position: Position? {
        switch kind {
        case .log(let position), .notice(let position): position
        case .state: nil
        }
    }

    /// What makes two state events the same state: the line that names the event.
    var stateKey: ArraySlice<UInt8> {
        bytes[..<(bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex)]
    }
}

extension [Frame] {
    /// How many are messages of the log.
    var messages: Int {
        count { if case .log = $0.kind { true } else { false } }
    }
}
