public import SocketLoop

/// Where a loop writes to: its sockets, or a counter that plays them.
public protocol ViewerWriter {
    /// `false` when the viewer's socket is gone.
    func send(_ bytes: [UInt8], to socket: SocketHandle) -> Bool
    /// Bytes that were sent and wait for the kernel.
    func backlogBytes(of socket: SocketHandle) -> Int
}

/// What a loop's desk needs of its sockets; see `Sockets` for each.
protocol ViewerSockets: ViewerWriter {
    /// Monotonic nanoseconds.
    var now: UInt64 { get }
    func adopt(_ descriptor: Int32) -> SocketHandle?
    func setTag(_ tag: UInt32, of socket: SocketHandle)
    func tag(of socket: SocketHandle) -> UInt32?
    func isOpen(_ socket: SocketHandle) -> Bool
    /// Closes without telling; what waits is dropped.
    func close(_ socket: SocketHandle)
    func schedule(_ token: TimerToken, at deadline: UInt64)
    func forEach(_ body: (SocketHandle) -> Void)
}

extension Sockets: ViewerSockets {
    public func send(_ bytes: [UInt8], to socket: SocketHandle) -> Bool {
        // A virtual viewer: what it gets is counted like everybody's, and goes nowhere.
        if socket == .virtual { return true }
        let result: SendResult = send(bytes, to: socket)
        return result != .closed
    }

    func adopt(_ descriptor: Int32) -> SocketHandle? { adopt(descriptor: descriptor) }
}

extension SocketHandle {
    /// The socket of viewers that have none. No table has a slot with this index.
    static let virtual = SocketHandle(index: .max, generation: .max)
}
