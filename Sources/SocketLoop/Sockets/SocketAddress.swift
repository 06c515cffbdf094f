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
