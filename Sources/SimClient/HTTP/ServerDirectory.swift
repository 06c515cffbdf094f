internal import SocketLoop

/// The servers that viewers connect to: those of the settings, and those that redirects name.
struct ServerDirectory: Sendable {
    struct Server: Sendable {
        var endpoint: Endpoint
        var address: SocketAddress
    }

    /// Redirects cannot name more servers than this.
    static let serversMax = 1024

    private(set) var servers: [Server]
    private var numbers: [String: Int] = [:]

    /// Resolves all of them. Blocks while a name server is asked.
    init(resolving endpoints: [Endpoint]) throws(SocketAddress.Unresolvable) {
        servers = []
        for endpoint in endpoints {
            servers.append(
                Server(endpoint: endpoint, address: try SocketAddress(resolving: endpoint.host, port: endpoint.port)))
            numbers[endpoint.authority] = numbers[endpoint.authority] ?? servers.count - 1
        }
    }

    subscript(number: Int) -> Server { servers[number] }

    /// The number of the server that a redirect names; `nil` when it names none, or there are too many.
    ///
    /// A name that the settings did not have is resolved here and now, on the loop: once in a run for each server.
    mutating func number(forLocation location: String) -> Int? {
        guard let endpoint = Endpoint(location) else { return nil }
        if let known = numbers[endpoint.authority] { return known }
        guard servers.count < ServerDirectory.serversMax,
            let address = try? SocketAddress(resolving: endpoint.host, port: endpoint.port)
        else { return nil }
        // The redirect names the path of the request, and the path that comes before it is the rest.
        var server = endpoint
        for path in ["/connect", "/socket.io"] where server.path.hasSuffix(path) { server.path.removeLast(path.count) }
        servers.append(Server(endpoint: server, address: address))
        numbers[endpoint.authority] = servers.count - 1
        return servers.count - 1
    }
}
