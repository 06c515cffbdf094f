/// What a loop's owner does with its sockets. Every call comes on the loop's thread.
public protocol SocketLoopHandler: AnyObject, SendableMetatype {
    /// What other threads ask for.
    associatedtype Command: Sendable

    /// Weight of earlier commands that is still being worked off; it counts against the mailbox's limit.
    var heldWeight: Int { get }

    /// What other threads asked for since the last turn, in the order of their asking.
    func received(_ commands: [Command], sockets: Sockets)

    /// Work that does not fit into one turn. Called once a turn; `true` asks for another turn without waiting.
    func pass(sockets: Sockets) -> Bool

    /// Bytes came. They are only valid during the call.
    func received(_ bytes: UnsafeRawBufferPointer, from socket: SocketHandle, sockets: Sockets)

    /// A connection that was asked for stands.
    func socketConnected(_ socket: SocketHandle, sockets: Sockets)

    /// What had to wait for a socket is with the kernel, all of it.
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
