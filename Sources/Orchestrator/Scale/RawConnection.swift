import Glibc
import Testbed

/// A blocking TCP connection to a Redis of this machine, for what must cost next to nothing beside Redis: sending commands
/// that were encoded before, and throwing away what subscribers get.
final class RawConnection: Sendable {
    private let descriptor: Int32

    /// - Throws: ``Failure/unavailable(_:)`` when nobody listens.
    init(port: Int) throws(Failure) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw RawConnection.failure("socket") }
        guard Ports.connect(descriptor, port) else {
            let failure = RawConnection.failure("connect")
            close(descriptor)
            throw failure
        }
        // A Redis that does not answer for so long is not waited for.
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        var yes: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Whether it stands, and nothing came.
    var isSilent: Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT)) < 0 && errno == EAGAIN
    }

    /// Writes all of it.
    func write(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        var written = 0
        while written < bytes.count {
            let count = send(
                descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written, Int32(MSG_NOSIGNAL))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw RawConnection.failure("send") }
            written += count
        }
    }

    /// Waits for at least one byte, and reads what is there.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return count }
            if count < 0, errno == EINTR { continue }
            throw count == 0 ? .unavailable("Redis closed a connection") : RawConnection.failure("recv")
        }
    }

    /// Reads what is there, and throws it away; how many bytes that was.
    func drain(_ buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
        var sum = 0
        // A bound, so that one connection does not keep the others waiting.
        for _ in 0..<8 {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            if count == 0 { throw .unavailable("Redis cut a subscriber") }
            if count < 0 { break }
            sum += count
            if count < buffer.count { break }
        }
        return sum
    }

    private static func failure(_ call: String) -> Failure {
        .unavailable("Redis: \(call): \(String(cString: strerror(errno)))")
    }
}
