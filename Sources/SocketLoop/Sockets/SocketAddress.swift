internal import CKernel
internal import Glibc

/// Where to connect to: an address that was resolved before, so that the loop never waits for a name server.
public struct SocketAddress: Hashable, Sendable {
    let family: Int32
    /// The bytes of `sockaddr_in` or `sockaddr_in6`.
    let storage: [UInt8]
    public let host: String
    public let port: Int

    public struct Unresolvable: Error, CustomStringConvertible {
        public let host: String
        public let cause: String
        public var description: String { "the host \(host) has no address: \(cause)" }
    }

    /// Resolves `host`. Blocks while the name server is asked: call it before the loop runs.
    public init(resolving host: String, port: Int) throws(Unresolvable) {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &found)
        guard status == 0, let first = found, let address = first.pointee.ai_addr else {
            throw Unresolvable(host: host, cause: String(cString: gai_strerror(status)))
        }
        defer { freeaddrinfo(found) }
        self.family = first.pointee.ai_family
        self.storage = Array(UnsafeRawBufferPointer(start: address, count: Int(first.pointee.ai_addrlen)))
        self.host = host
        self.port = port
    }

    /// Starts to connect `descriptor`; 0, or the negative errno (`-EINPROGRESS` is the usual one).
    func connect(_ descriptor: Int32) -> Int32 {
        storage.withUnsafeBytes { bytes in
            guard let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return -EINVAL }
            return chorus_connect(descriptor, address, socklen_t(bytes.count))
        }
    }
}

/// The local IPv4 address that connections come from.
///
/// One local and one remote address have some 28,000 ports for each other, and finding a free one takes longer the more are
/// in use: many connections come from many addresses of 127.0.0.0/8.
public struct SourceAddress: Hashable, Sendable {
    private let address: in_addr_t

    public struct Unusable: Error, Equatable, Sendable {
        public let cause: String
    }

    /// Reads `a.b.c.d`, and tries it.
    public init(_ text: String) throws(Unusable) {
        var parsed = in_addr()
        guard inet_pton(AF_INET, text, &parsed) == 1 else { throw Unusable(cause: "no IPv4 address") }
        address = parsed.s_addr
        let descriptor = chorus_stream_socket(AF_INET)
        guard descriptor >= 0 else { throw Unusable(cause: "no descriptor is left to try it") }
        defer { _ = closeDescriptor(descriptor) }
        let status = bind(descriptor)
        if status != 0 { throw Unusable(cause: String(cString: strerror(status))) }
    }

    /// Binds a socket that connects next: the port is chosen then, so that it only needs to be free for that peer. 0, or
    /// the errno.
    func bind(_ descriptor: Int32) -> Int32 {
        var yes: Int32 = 1
        let length = socklen_t(MemoryLayout<Int32>.size)
        guard setsockopt(descriptor, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, &yes, length) == 0 else {
            return errno
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = self.address
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return status == 0 ? 0 : errno
    }
}
