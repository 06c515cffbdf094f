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
            range: "redis:// or rediss:// (TLS) [[user]:password@]host[:port][/database], "
                + "redis+cluster://host[:port][,host…], redis+sentinel://host[:port][,host…]/name[/database]",
            doc: "Redis that carries channels and history: a server, nodes of a cluster, or the Sentinels of a master.",
            isSecret: true)
        endpoint = reader.value(declaration, default: RedisEndpoint(host: "127.0.0.1")) {
            try? RedisEndpoint(parsing: $0)
        }
        let name = SettingDeclaration(
            key: "REDIS_NAMESPACE", type: "a name", defaultText: "db and the database; none for database 0",
            range: "1 to \(Identifier.lengthMax) of letters, digits, . _ - :",
            doc: "Stands in front of the names of channels, so that deployments on one Redis do not hear each other.")
        namespace = reader.value(name, default: nil) { Identifier.isValid($0) ? $0 : nil }
        if namespace != nil, endpoint.deployment == .cluster {
            reader.refuse("REDIS_NAMESPACE", because: "needs databases, which a Redis Cluster does not have")
        }
        readEncryption(&reader)
    }

    private static let partKeys: [RedisTLSError.Part: String] = [
        .authorities: "REDIS_TLS_CA_FILE", .certificate: "REDIS_TLS_CERTIFICATE_FILE", .key: "REDIS_TLS_KEY_FILE",
    ]

    private mutating func readEncryption(_ reader: inout SettingsReader) {
        var tls = RedisTLS()
        tls.authoritiesFile = reader.optionalPath(
            "REDIS_TLS_CA_FILE", "Certificates of the authorities that Redis may be certified by; unset: the system's.")
        tls.certificateFile = reader.optionalPath(
            "REDIS_TLS_CERTIFICATE_FILE", "Certificate that is shown to Redis; unset: none.")
        tls.keyFile = reader.optionalPath(
            "REDIS_TLS_KEY_FILE", "Key of that certificate, without a passphrase.")
        let name = SettingDeclaration(
            key: "REDIS_TLS_NAME", type: "a host name", defaultText: "the host of REDIS_URL",
            range: "1 to 255 letters, digits, . -, and no address",
            doc: "Name that Redis is asked for (SNI) and must be certified for.")
        tls.serverName = reader.value(name, default: nil) { text in
            let isName = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == ".") }
            guard isName, text.contains(where: \.isLetter), text.utf8.count <= 255 else { return nil }
            return text
        }
        if (tls.certificateFile == nil) != (tls.keyFile == nil) {
            reader.refuse("REDIS_TLS_CERTIFICATE_FILE", because: "needs REDIS_TLS_KEY_FILE, and the other way round")
        }
        guard endpoint.tls != nil else {
            if tls != RedisTLS() { reader.refuse("REDIS_URL", because: "REDIS_TLS_ settings need rediss://") }
            return
        }
        endpoint.tls = tls
        do throws(RedisTLSError) {
            try tls.check()
        } catch {
            reader.refuse(Self.partKeys[error.part] ?? "REDIS_URL", because: error.reason)
        }
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
