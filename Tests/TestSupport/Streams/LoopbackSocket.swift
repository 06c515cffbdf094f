import Glibc

/// A TCP connection to a port of the loopback, without blocking, for clients that misbehave on purpose.
///
/// Not safe across threads: whoever holds it uses it alone.
final class LoopbackSocket {
    enum Received: Equatable {
        case bytes([UInt8])
        /// Nothing is there yet.
        case nothing
        /// The server's half has ended.
        case end
        case failed(Int32)
    }

    /// Linux's `TCP_REPAIR`: a socket in this mode is closed without a packet.
    private static let tcpRepair: Int32 = 19

    private(set) var descriptor: Int32

    /// - Parameter receiveBufferBytes: `SO_RCVBUF`, set before the connection is made so that the window stays small.
    init(port: Int, receiveBufferBytes: Int? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_NONBLOCK | O_CLOEXEC, 0)
        guard descriptor >= 0 else { throw SystemCallFailed(call: "socket", code: errno) }
        if let receiveBufferBytes { set(SOL_SOCKET, SO_RCVBUF, Int32(receiveBufferBytes)) }
        set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        let status = connect(descriptor, toLoopback: port)
        if status != 0, status != EINPROGRESS {
            close()
            throw SystemCallFailed(call: "connect", code: status)
        }
    }

    deinit { close() }

    @discardableResult
    private func set(_ level: Int32, _ option: Int32, _ value: Int32) -> Bool {
        var value = value
        return setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
    }

    /// Bytes that the kernel took: 0 while the connection is being made or its buffer is full.
    func send(_ bytes: ArraySlice<UInt8>) throws -> Int {
        let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if count >= 0 { return count }
        guard errno == EAGAIN || errno == EINTR || errno == ENOTCONN || errno == EALREADY else {
            throw SystemCallFailed(call: "send", code: errno)
        }
        return 0
    }

    func receive() -> Received {
        var piece = [UInt8](repeating: 0, count: 16_384)
        let count = recv(descriptor, &piece, piece.count, 0)
        if count > 0 { return .bytes(Array(piece[..<count])) }
        if count == 0 { return .end }
        return errno == EAGAIN || errno == EINTR || errno == ENOTCONN ? .nothing : .failed(errno)
    }

    /// Ends the client's half: the server reads an end, and may go on to write.
    func halfClose() {
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    func close() {
        guard descriptor >= 0 else { return }
        _ = Glibc.close(descriptor)
        descriptor = -1
    }

    /// Ends with RST instead of FIN, as a process that is killed with unread bytes does.
    func reset() {
        guard descriptor >= 0 else { return }
        var abortive = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &abortive, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    /// Ends without a packet, as a phone that loses its network does. `false` without the privilege for it; then the
    /// socket stays open.
    func vanish() -> Bool {
        guard set(Int32(IPPROTO_TCP), Self.tcpRepair, 1) else { return false }
        close()
        return true
    }
}
