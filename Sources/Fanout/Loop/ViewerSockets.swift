internal import SocketLoop

/// What a ``FanoutLoop`` needs of its sockets; `Sockets` says what each member does. Tests and the simulation have doubles.
protocol ViewerSockets: AnyObject {
    var now: UInt64 { get }
    func adopt(descriptor: Int32, tag: UInt32) -> SocketHandle?
    func tag(of socket: SocketHandle) -> UInt32?
    @discardableResult
    func send(_ bytes: [UInt8], to socket: SocketHandle) -> Sockets.SendResult
    func backlogBytes(of socket: SocketHandle) -> Int
    func close(_ socket: SocketHandle)
    func schedule(_ token: TimerToken, at deadline: UInt64)
    func forEach(_ body: (SocketHandle) -> Void)
}

extension Sockets: ViewerSockets {}
