public import PostgresLibpq
public import ServiceRuntime

/// Where PostgreSQL is, if there is one.
public struct DatabaseSettings: Sendable {
    /// `nil`: no database; Redis alone keeps what is published.
    public var configuration: PostgresConfiguration?
    /// A statement that takes longer fails.
    public var statementTimeout: Duration

    public init(from reader: inout SettingsReader) {
        let declaration = SettingDeclaration(
            key: "DATABASE_URL", type: "a URL",
            range: "postgresql://[user[:password]@]host[:port][,host[:port]...]/database[?option=value]",
            doc:
                "PostgreSQL that keeps comments and likes, on the one of several hosts that takes writes; unset: Redis "
                + "alone keeps what is published.",
            isSecret: true
        )
        configuration = reader.value(declaration, default: nil) { text in
            guard text.hasPrefix("postgresql://") || text.hasPrefix("postgres://"),
                let configuration = try? PostgresConfiguration(url: text)
            else { return nil }
            return configuration
        }
        let connections = reader.integer(
            "DATABASE_CONNECTIONS", default: 4, in: 1...64, unit: "connections",
            "Sessions with PostgreSQL, each with a thread.")
        statementTimeout = reader.milliseconds(
            "DATABASE_STATEMENT_TIMEOUT_MS", default: 5_000, in: 10...600_000,
            "What takes PostgreSQL longer is given up and answered with `storage_unavailable`.")
        configuration?.connections = connections
        configuration?.statementTimeout = statementTimeout
    }
}

extension DatabaseSettings: CustomStringConvertible, CustomReflectable {
    public var description: String { configuration?.target ?? "unset" }

    /// Without the password, so that printed settings do not show it.
    public var customMirror: Mirror { Mirror(self, children: ["target": description]) }
}
