/// A connection that is handed to a loop.
struct Attachment: Sendable {
    /// Connected, without blocking, its response head written. The loop owns it from here on.
    let descriptor: Int32
    /// The first is the log that the viewer follows.
    let topics: [TopicID]
    /// The first event, `connected`, as a chunk.
    let hello: [UInt8]
    /// Named when the viewer's history has to be read first.
    let resumption: ResumptionID?
    /// States that the hub knows; this loop may not, if it had no viewer of the topic.
    let states: [(topic: TopicID, frame: Frame)]
}

/// Names a viewer that waits for its history, before the loop has given it a number.
typealias ResumptionID = UInt64

/// What the hub asks of a loop.
enum LoopCommand: Sendable {
    case attach(Attachment)
    case append([(topic: TopicID, frame: Frame)])
    /// What a viewer that comes back has missed, and where it comes back into the stream.
    case release(ResumptionID, missed: MissedLog, rejoin: Rejoin)
    /// The history could not be read: the viewer has to come back.
    case abandon(ResumptionID)
    /// So many viewers without a socket.
    case attachVirtual(topic: TopicID, count: Int)
    /// Move everybody elsewhere within so many seconds.
    case drain(seconds: Double, retryMillisecondsMax: Int)
}
