/// A service's address as settings and redirects give it: `http://host[:port][/path]`.
struct Endpoint: Hashable, Sendable {
    var host: String
    var port: Int
    /// What stands before the service's own paths, without a slash at the end; mostly empty.
    var path: String

    /// `nil` when `text` is no such URL; https is none, since the swarm speaks plain HTTP only.
    init?(_ text: some StringProtocol) {
        guard text.hasPrefix("http://") else { return nil }
        let rest = text.dropFirst("http://".count)
        let slash = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        guard let (host, port) = Endpoint.authority(String(rest[..<slash])) else { return nil }
        self.host = host
        self.port = port
        var tail = rest[slash...].prefix { $0 != "?" && $0 != "#" }
        while tail.hasSuffix("/") { tail.removeLast() }
        self.path = String(tail)
    }

    /// `host:port`, `host`, `[::1]:port`.
    private static func authority(_ text: String) -> (host: String, port: Int)? {
        let host: String
        let rest: Substring
        if text.hasPrefix("["), let close = text.firstIndex(of: "]") {
            host = String(text[text.index(after: text.startIndex)..<close])
            rest = text[text.index(after: close)...]
        } else {
            let colon = text.firstIndex(of: ":") ?? text.endIndex
            host = String(text[..<colon])
            rest = text[colon...]
        }
        let allowed = host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "@") }
        guard !host.isEmpty, allowed else { return nil }
        if rest.isEmpty { return (host, 80) }
        guard rest.hasPrefix(":"), let port = Int(rest.dropFirst()), (1...65_535).contains(port) else { return nil }
        return (host, port)
    }

    /// What a request line names after a redirect to `location`: its path and query. `nil` when it names none, or has
    /// characters that no request line may have.
    static func target(ofLocation location: String) -> String? {
        guard location.hasPrefix("http://"), location.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        let rest = location.dropFirst("http://".count)
        guard let slash = rest.firstIndex(of: "/") else { return nil }
        return String(rest[slash...].prefix { $0 != "#" })
    }

    /// The value of the `Host` header.
    var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension Endpoint: CustomStringConvertible {
    var description: String { "http://\(authority)\(path)" }
}
