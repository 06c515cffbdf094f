import CLibpq
import Glibc

/// A connection string taken apart by libpq's own parser.
struct ConnectionParameters: Sendable {
    private(set) var values: [String: String] = [:]

    init(parsing text: String) throws(PostgresError) {
        let refused = PostgresError(.configuration, "the PostgreSQL connection string cannot be parsed")
        guard !text.isEmpty, !text.utf8.contains(0) else { throw refused }
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(text, &message) else {
            // The message quotes pieces of the string, and with an unescaped '@' or '/' that piece is the password.
            PQfreemem(message)
            throw refused
        }
        defer { PQconninfoFree(options) }
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        guard hostsAndPortsMakeSense else { throw refused }
    }

    /// libpq's parser takes any text. An unescaped `@`, `/` or `?` in a password makes pieces of it host and port,
    /// which messages and logs do show.
    private var hostsAndPortsMakeSense: Bool {
        let ports = (values["port"] ?? "").split(separator: ",")
        let hosts = (values["host"] ?? "") + (values["hostaddr"] ?? "")
        return ports.allSatisfy { UInt16($0).map { $0 > 0 } ?? false } && !hosts.contains("@")
    }

    /// The same hosts in the same order, but beginning with another one: the first one that hangs would take all the time of
    /// an attempt.
    ///
    /// - Parameter number: 0 or more; counts round the hosts.
    func beginning(atHost number: Int) -> ConnectionParameters {
        var copy = self
        for keyword in ["host", "hostaddr", "port"] {
            guard let list = values[keyword]?.split(separator: ",", omittingEmptySubsequences: false), list.count > 1
            else { continue }
            let first = number % list.count
            copy.values[keyword] = (list[first...] + list[..<first]).joined(separator: ",")
        }
        return copy
    }

    /// Whether a server that takes no writes is of no use.
    var needsWrites: Bool { ["read-write", "primary"].contains(values["target_session_attrs"]) }

    mutating func set(_ keyword: String, ifAbsent value: String) {
        if values[keyword] == nil { values[keyword] = value }
    }

    /// What must not stand in a message.
    var secrets: [String] { ["password", "sslpassword"].compactMap { values[$0] } }

    var target: String {
        let host = values["host"] ?? values["hostaddr"] ?? "local socket"
        return "\(host):\(values["port"] ?? "5432")/\(values["dbname"] ?? values["user"] ?? "")"
    }

    /// Begins a connection, without waiting for it; `nil` when memory is out.
    func startConnecting() -> OpaquePointer? {
        let copies = (values.keys.map { strdup($0) } + [nil], values.values.map { strdup($0) } + [nil])
        defer { for copy in copies.0 + copies.1 { free(copy) } }
        return PQconnectStartParams(copies.0.map { UnsafePointer($0) }, copies.1.map { UnsafePointer($0) }, 0)
    }
}

/// Printing a configuration must not print the password.
extension ConnectionParameters: CustomStringConvertible, CustomReflectable {
    var description: String { target }
    var customMirror: Mirror { Mirror(self, children: ["target": target]) }
}
