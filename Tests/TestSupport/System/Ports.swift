import Glibc
import Testbed

/// Connects to a loopback port and returns the descriptor, with a limit for each read and write.
func connectToLoopback(port: Int, timeoutSeconds: Int) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw SystemCallFailed(call: "socket", code: errno) }
    var limit = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
    let code = connect(descriptor, toLoopback: port)
    guard code == 0 else {
        close(descriptor)
        throw SystemCallFailed(call: "connect", code: code)
    }
    return descriptor
}

/// `connect(2)`: zero, or the error's number.
func connect(_ descriptor: Int32, toLoopback port: Int) -> Int32 {
    var address = makeLoopbackAddress(port: port)
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
            Glibc.connect(descriptor, generic, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 ? 0 : errno
        }
    }
}

/// A connected descriptor, for tests that speak bytes; the caller closes it.
public func openLoopback(port: Int) throws -> Int32 { try connectToLoopback(port: port, timeoutSeconds: 20) }

func makeLoopbackAddress(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
}

/// Runs `body` with a port that takes connections and never answers.
public func withSilentPort<Value>(
    isolation: isolated (any Actor)? = #isolation, _ body: (Int) async throws -> Value
) async throws -> Value {
    let port = try Ports.one()
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw SystemCallFailed(call: "socket", code: errno) }
    defer { close(descriptor) }
    var address = makeLoopbackAddress(port: port)
    let code = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
            bind(descriptor, generic, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 ? listen(descriptor, 128) : -1
        }
    }
    guard code == 0 else { throw SystemCallFailed(call: "listen", code: errno) }
    return try await body(port)
}
