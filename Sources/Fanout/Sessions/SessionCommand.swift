public import SocketIO
internal import Wire

internal import struct Synchronization.Atomic

/// What happens above the protocol of a session of Socket.IO: who may join, and what events mean.
public protocol SessionHandler: Sendable {
    /// On a loop's thread, so it must not block. `false`: the client sends more than is taken, and its session ends.
    func received(_ input: SocketIOConnection.Input, from session: SessionID) -> Bool

    /// Likewise. The session is gone; nothing of it follows.
    func ended(_ session: SessionID)
}

/// The answer to one HTTP request of a session that polls: given once, whatever happens.
public final class SessionReply: Sendable {
    private let answer: @Sendable (Result<[UInt8], EngineIOError>) -> Void
    private let isGiven = Atomic(false)

    public init(_ answer: @escaping @Sendable (Result<[UInt8], EngineIOError>) -> Void) {
        self.answer = answer
    }

    deinit { give(.failure(.unknownSession)) }

    func give(_ result: Result<[UInt8], EngineIOError>) {
        guard !isGiven.exchange(true, ordering: .acquiringAndReleasing) else { return }
        answer(result)
    }
}

/// What ``Hub`` asks of the loop that has a session.
enum SessionCommand: Sendable {
    /// A new session whose client polls; the reply is the body of its first answer.
    case open(sid: String, ViewerLease?, SessionReply)
    /// A new session on a WebSocket, and the head of the answer that makes it one.
    case adopt(sid: String, descriptor: Int32, head: [UInt8], ViewerLease?)
    case poll(SessionReply)
    case abandonPoll
    case post([UInt8], SessionReply)
    /// Whether a WebSocket may take over; then it is to follow.
    case mayProbe(SessionReply)
    case probe(descriptor: Int32, head: [UInt8])
    /// Frames of packets.
    case send([UInt8])
    /// The client may join: `frames` tell it so. The lease takes the place of the one that the session was opened with.
    case accept(namespace: String, frames: [UInt8], ViewerLease?)
    case refuse(namespace: String, frames: [UInt8])
    case unsubscribe([Channel])
    case close(DisconnectReason)
}

/// One subscription of a session: a viewer of the hub.
struct SessionSubscription: Equatable, Sendable {
    let session: SessionID
    let channels: [Channel]
    /// Of the event that asked for it; `nil`: no acknowledgement is wanted.
    let ack: UInt64?
    /// Where the stream of the first channel begins, and what is lost before it.
    var position = Position.beginning
    var gap: Frame?

    /// `{"position","recovered","gap"}`.
    func acknowledgement(hasGap: Bool) -> [UInt8]? {
        guard let ack else { return nil }
        var data = JSONText(capacity: 96)
        data.member("position", position.description)
        data.member("recovered", !hasGap)
        data.member("gap", hasGap)
        return SocketIOPacket(.ack, id: ack, data: JSONText.array([data.finished()])).frames
    }
}
