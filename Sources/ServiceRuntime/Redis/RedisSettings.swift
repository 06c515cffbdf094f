public import RedisNIO
import Wire

/// Where Redis is.
public struct RedisSettings: Sendable {
    public var endpoint: RedisEndpoint
    /// Stands in front of the names of channels; `nil`: what follows from the database.
    public var namespace: String?

    public init(from reader: inout SettingsReader) {
        let declaration = SettingDeclaration(
            key: "REDIS_URL", type: "a URL", defaultText: "redis://127.0.0.1:6379",
            range: "redis://[[user]:password@]host[:port][/database]", doc: "Redis that carries channels and history.",
            isSecret: true)
        endpoint = reader.value(declaration, default: RedisEndpoint(host: "127.0.0.1")) {
            try? RedisEndpoint(parsing: $0)
        }
        let name = SettingDeclaration(
            key: "REDIS_NAMESPACE", type: "a name", defaultText: "db and the database; none for database 0",
            range: "1 to \(Identifier.lengthMax) of letters, digits, . _ - :",
            doc: "Stands in front of the names of channels, so that deployments on one Redis do not hear each other.")
        namespace = reader.value(name, default: nil) { Identifier.isValid($0) ? $0 : nil }
    }
}

extension RedisSettings: CustomStringConvertible, CustomReflectable {
    public var description: String { endpoint.description }

    /// Without the password, so that printed settings do not show it.
    public var customMirror: Mirror { Mirror(self, children: ["endpoint": endpoint.description]) }
}

/// How much of a channel Redis keeps.
public struct HistorySettings: Sendable {
    /// Newest log events of a channel.
    public var length: Int
    public var timeToLive: Duration

    public init(from reader: inout SettingsReader) {
        length = reader.integer(
            "HISTORY_LENGTH", default: 1_000, in: 1...1_000_000, unit: "events",
            "Newest events of a channel that can be resumed from.")
        timeToLive = reader.seconds(
            "HISTORY_TTL_SECONDS", default: 3_600, in: 1...31_536_000,
            "How long the history of a silent channel is kept.")
    }
}
