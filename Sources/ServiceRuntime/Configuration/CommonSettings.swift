public import Logging

/// What every service has: where it listens, what it is called, how much it says.
public struct ServerSettings: Sendable {
    public var host: String
    public var port: Int
    public var instance: String
    public var logLevel: Logger.Level
    /// After this long a stop is no longer waited for.
    public var stopTimeout: Duration

    /// - Parameter port: the service's own port of the table of processes.
    public init(from reader: inout SettingsReader, port: Int) {
        host = reader.host("HOST", default: "0.0.0.0", "Address that the service listens on.")
        self.port = reader.integer(
            "PORT", default: port, in: 0...65_535, "Port that the service listens on; 0 takes a free one and logs it.")
        instance = reader.identifier(
            "INSTANCE_ID", default: ProcessIdentity.instance, defaultText: "host name and process id",
            "Name of this process in reports, logs and events.")
        logLevel = reader.choice("LOG_LEVEL", default: .info, "Least severe level that is logged.")
        stopTimeout = reader.seconds(
            "STOP_TIMEOUT_SECONDS", default: 30, in: 1...3_600,
            "How long a stop may take after SIGTERM before the process ends anyway.")
    }
}

/// Where Redis is.
public struct RedisSettings: Sendable {
    public var url: ServiceURL

    public init(from reader: inout SettingsReader) {
        url = reader.url("REDIS_URL", default: .localRedis, schemes: ["redis"], "Redis that carries channels and history.")
    }
}

/// Whom to report to.
public struct ReportSettings: Sendable {
    /// `nil`: nobody is told.
    public var url: ServiceURL?
    public var interval: Duration

    public init(from reader: inout SettingsReader) {
        url = reader.optionalURL(
            "STATISTICS_API_URL", schemes: ["http", "https"], "StatsAPI that is reported to; unset: no reports.")
        interval = reader.milliseconds(
            "REPORT_INTERVAL_MS", default: 1_000, in: 50...3_600_000, "Time from one report to the next.")
    }
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
            "HISTORY_TTL_SECONDS", default: 3_600, in: 1...31_536_000, "How long the history of a silent channel is kept.")
    }
}

extension ServiceURL {
    /// Redis as it is installed.
    public static let localRedis = ServiceURL(
        text: "redis://127.0.0.1:6379", scheme: "redis", user: nil, password: nil, host: "127.0.0.1", port: 6379, path: "")

    private init(
        text: String, scheme: String, user: String?, password: String?, host: String, port: Int?, path: String
    ) {
        self.text = text
        self.scheme = scheme
        self.user = user
        self.password = password
        self.host = host
        self.port = port
        self.path = path
    }
}
