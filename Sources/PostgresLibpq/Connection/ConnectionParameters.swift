import CLibpq

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

    mutating func set(_ keyword: String, ifAbsent value: String) {
        if values[keyword] == nil { values[keyword] = value }
    }

    /// What must not stand in a message.
    var secrets: [String] { ["password", "sslpassword"].compactMap { values[$0] } }

    var target: String {
        let host = values["host"] ?? values["hostaddr"] ?? "local socket"
        return "\(host):\(values["port"] ?? "5432")/\(values["dbname"] ?? values["user"] ?? "")"
    }

    /// Calls `body` with the two null-terminated arrays that `PQconnectStartParams` takes.
    func withArrays<T>(
        _ body: (UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<UnsafePointer<CChar>?>) -> T
    ) -> T {
        let keywords = values.keys.map { CopiedText($0) }
        let texts = values.values.map { CopiedText($0) }
        let keywordPointers: [UnsafePointer<CChar>?] = keywords.map { $0.pointer } + [nil]
        let textPointers: [UnsafePointer<CChar>?] = texts.map { $0.pointer } + [nil]
        return withExtendedLifetime((keywords, texts)) { body(keywordPointers, textPointers) }
    }
}

/// Printing a configuration must not print the password.
extension ConnectionParameters: CustomStringConvertible, CustomReflectable {
    var description: String { target }
    var customMirror: Mirror { Mirror(self, children: ["target": target]) }
}

/// A C string that lives as long as this object.
private final class CopiedText {
    let pointer: UnsafePointer<CChar>
    private let storage: UnsafeMutableBufferPointer<CChar>

    init(_ text: String) {
        let bytes = text.utf8CString
        storage = .allocate(capacity: bytes.count)
        _ = storage.initialize(from: bytes)
        pointer = UnsafePointer(storage.baseAddress ?? UnsafeMutablePointer<CChar>.allocate(capacity: 1))
    }

    deinit { storage.deallocate() }
}
