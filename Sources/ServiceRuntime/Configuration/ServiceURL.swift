import FoundationEssentials

/// The address of a server as settings give it: `scheme://[user[:password]@]host[:port][/path][?query]`.
///
/// `description` is for logs and hides user and password; ``text`` is for drivers.
public struct ServiceURL: Equatable, Sendable {
    /// As it was given, password included. Never log it.
    public let text: String
    public let scheme: String
    public let user: String?
    public let password: String?
    /// Without brackets, also for IPv6.
    public let host: String
    public let port: Int?
    /// Begins with `/`, or is empty.
    public let path: String
    /// Whether there is anything in front of the host, an empty user included.
    public let hasCredentials: Bool

    /// `nil` when `text` is no absolute URL with one of `schemes`, a host, and a port of 1 to 65535 if any.
    public init?(_ text: String, schemes: [String]) {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            schemes.contains(scheme),
            let host = parts.host, !host.isEmpty, parts.port.map({ (1...65_535).contains($0) }) ?? true
        else { return nil }
        self.text = text
        self.scheme = scheme
        self.user = parts.user.flatMap { $0.isEmpty ? nil : $0 }
        self.password = parts.password
        self.host = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        self.port = parts.port
        self.path = parts.path
        self.hasCredentials = parts.user != nil || parts.password != nil
    }

    /// Whether both lead to the same place, whatever their queries and however the port is said.
    public func isSameServer(as other: ServiceURL) -> Bool {
        func port(_ url: ServiceURL) -> Int { url.port ?? (url.scheme == "https" ? 443 : 80) }
        func path(_ url: ServiceURL) -> Substring { url.path.hasSuffix("/") ? url.path.dropLast() : url.path[...] }
        return scheme == other.scheme && host.lowercased() == other.host.lowercased() && port(self) == port(other)
            && path(self) == path(other)
    }

    /// The URL of `path` (which begins with `/`) below this one, without its query.
    public func appending(path: String) -> String {
        let base = text.prefix { $0 != "?" && $0 != "#" }
        return (base.hasSuffix("/") ? base.dropLast() : base) + path
    }
}

extension ServiceURL: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String {
        let hidden = hasCredentials ? "***@" : ""
        let shownHost = host.contains(":") ? "[\(host)]" : host
        return "\(scheme)://\(hidden)\(shownHost)\(port.map { ":\($0)" } ?? "")\(path)"
    }

    public var debugDescription: String { description }

    /// Without children, so that `dump` and string interpolation of a settings struct show no password.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
