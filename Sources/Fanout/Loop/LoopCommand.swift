internal import Broker

/// A frame on its way to the viewers of a topic.
struct TopicFrame: Equatable, Sendable {
    let topic: TopicID
    let frame: Frame
}

/// A connection for a loop.
struct Attachment: Equatable, Sendable {
    /// Connected, without blocking, its response head written. The loop owns it from here on.
    let descriptor: Int32
    /// The first is the log that the viewer follows.
    let topics: [TopicID]
    /// The first events as a chunk: `connected`, and perhaps a gap.
    let opening: [UInt8]
    /// States that the registry knows; the loop may not, if it had no viewer of the topic.
    let states: [TopicFrame]
    /// Set when the viewer's history has to be read first.
    var recovery: RecoveryID?
    /// Whether another Reader is the viewer's place.
    var isDisplaced = false
    /// Whether the response began in chunks; over HTTP/1.0 it ends with the connection.
    var isChunked = true
    /// What the viewer's right to watch depends on; `nil`: nothing.
    var lease: ViewerLease?
    /// Set for a subscription of a session, which brings no descriptor.
    var subscription: SessionSubscription?
}

/// What ``Hub`` asks of a loop.
enum LoopCommand: Sendable {
    case attach(Attachment)
    case append([TopicFrame])
    /// What a recovering viewer has missed, and how far it is then.
    case recover(RecoveryID, MissedFrames, RecoveryCursor)
    /// The history could not be read: the viewer has to reconnect.
    case failRecovery(RecoveryID)
    /// Disconnect everybody within so many seconds, with `event: reconnect`.
    case drain(seconds: Double, retryMillisecondsMax: Int)
    case session(SessionID, SessionCommand)
}

/// What a loop has done in a turn.
struct LoopReport: Equatable, Sendable {
    struct Departure: Equatable, Sendable {
        let topics: [TopicID]
        let reason: DisconnectReason
        var isDisplaced = false
    }

    var departures: [Departure] = []
    /// Sessions of Socket.IO that ended.
    var endings: [DisconnectReason] = []
    /// Sessions that went from polling to a WebSocket.
    var upgrades = 0
    /// Events written, one for each viewer and event.
    var events = 0
    /// How many of them were messages of logs.
    var messages = 0
    /// Calls that wrote them.
    var writes = 0
    /// State events that a newer one replaced, or that were refused.
    var conflated = 0
    /// Of the oldest comment of each round that ended: its last viewer has it.
    var rounds: [MessageTimes] = []
}

extension LoopReport.Departure {
    /// Of a viewer who was never taken.
    init(_ attachment: Attachment, reason: DisconnectReason) {
        self.init(topics: attachment.topics, reason: reason, isDisplaced: attachment.isDisplaced)
    }
}
