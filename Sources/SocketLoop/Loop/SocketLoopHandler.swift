internal import CKernel

/// The owner of a loop's sockets. Every call comes on the loop's thread.
public protocol SocketLoopHandler: AnyObject, SendableMetatype {
    /// What other threads ask for.
    associatedtype Command: Sendable

    /// Weight of earlier commands that is still being worked off; it counts against the mailbox's limit.
    var heldWeight: Int { get }

    /// Commands that came since the last turn, in the order in which they were submitted.
    func received(_ commands: [Command], sockets: Sockets)

    /// Work that does not fit into one turn. Called once a turn; `true` asks for another turn without waiting.
    func pass(sockets: Sockets) -> Bool

    /// Bytes came. They are only valid during the call.
    func received(_ bytes: UnsafeRawBufferPointer, from socket: SocketHandle, sockets: Sockets)

    /// A connection attempt succeeded.
    func socketConnected(_ socket: SocketHandle, sockets: Sockets)

    /// The kernel has taken everything that waited for a socket.
    func socketDrained(_ socket: SocketHandle, sockets: Sockets)

    /// A socket ended, and not by its owner's `close`. The handle is stale already; `tag` is what the owner gave it.
    func socketClosed(_ socket: SocketHandle, tag: UInt32, reason: CloseReason, sockets: Sockets)

    func timerFired(_ token: TimerToken, sockets: Sockets)

    /// The last call: the loop stops, and closes what is open.
    func stopping(sockets: Sockets)
}

extension SocketLoopHandler {
    public var heldWeight: Int { 0 }
    public func pass(sockets: Sockets) -> Bool { false }
    public func socketDrained(_ socket: SocketHandle, sockets: Sockets) {}
    public func socketConnected(_ socket: SocketHandle, sockets: Sockets) {}
    public func timerFired(_ token: TimerToken, sockets: Sockets) {}
    public func stopping(sockets: Sockets) {}
}

/// Why a socket ended, when it was not its owner who closed it.
public enum CloseReason: Hashable, Sendable {
    /// The peer closed or half-closed its side.
    case peerClosed
    /// The peer reset the connection, or vanished until the kernel gave up.
    case reset
    /// A connection could not be made.
    case connectFailed(errno: Int32)
    /// The peer reads more slowly than is sent, and what waits for it is over the bound.
    case slowConsumer
    /// Any other error of the socket.
    case failed(errno: Int32)

    /// The reason behind the errno of a read or a write.
    init(errno: Int32) {
        switch errno {
        case EPIPE, ECONNRESET, ETIMEDOUT: self = .reset
        default: self = .failed(errno: errno)
        }
    }
}
