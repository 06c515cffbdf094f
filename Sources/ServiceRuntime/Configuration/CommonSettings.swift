public import Identity
public import Logging

/// Settings of every service: address, name, log level, time for a stop.
public struct ServerSettings: Sendable {
    public var host: String
    public var port: Int
    public var instance: String
    public var logLevel: Logger.Level
    /// A stop that takes longer is cut off; a drain comes on top.
    public var stopTimeout: Duration
    /// Connections whose requests are answered; 0: what the limit of descriptors allows.
    public var connectionsMax: Int
    public var access: AccessSettings

    /// - Parameters:
    ///   - port: the service's own port of the table of processes.
    ///   - authentication: `nil`: what `AUTH` says.
    public init(from reader: inout SettingsReader, port: Int, authentication: Authenticator.Mode? = nil) {
        host = reader.host("HOST", default: "0.0.0.0", "Address that the service listens on.")
        self.port = reader.integer(
            "PORT", default: port, in: 0...65_535, "Port that the service listens on; 0 takes a free one and logs it.")
        instance = reader.identifier(
            "INSTANCE_ID", default: ProcessIdentity.instance, defaultText: "host name and process id",
            "Name of this process in reports, logs and events.")
        logLevel = reader.choice("LOG_LEVEL", default: .info, "Least severe level that is logged.")
        stopTimeout = reader.seconds(
            "STOP_TIMEOUT_SECONDS", default: 30, in: 1...3_600,
            "How long a stop may take after SIGTERM, a drain aside, before the process ends anyway.")
        connectionsMax = reader.integer(
            "HTTP_CONNECTIONS_MAX", default: 0, in: 0...10_000_000, unit: "connections",
            "Connections of the HTTP server at the same time, attached viewers aside; 0 takes what the limit of descriptors allows."
        )
        access = AccessSettings(from: &reader, mode: authentication)
    }
}

/// Where and how often a process sends its reports.
public struct ReportSettings: Sendable {
    /// `nil`: no reports.
    public var url: ServiceURL?
    public var interval: Duration

    public init(from reader: inout SettingsReader) {
        url = reader.optionalURL(
            "STATISTICS_API_URL", schemes: ["http", "https"], "StatsAPI that is reported to; unset: no reports.")
        interval = reader.milliseconds(
            "REPORT_INTERVAL_MS", default: 1_000, in: 50...3_600_000, "Time from one report to the next.")
    }
}
