public import Logging

/// What the parts of one service share: its name, its log, its metrics, whether it is ready.
public struct ServiceProcess: Sendable {
    /// As in the table of processes: `CommentAPI`.
    public let name: String
    public let server: ServerSettings
    /// Random, made at the start: a restart is a new session.
    public let session: String
    public let logger: Logger
    public let metrics: PrometheusRegistry
    public let readiness: Readiness
    public let http: HTTPMonitor
    /// Files and sockets that the process may have open.
    public let descriptorsMax: Int
    public let startedAt: ContinuousClock.Instant

    public init(
        name: String, server: ServerSettings, logger: Logger, metrics: PrometheusRegistry = PrometheusRegistry(),
        session: String = ProcessIdentity.makeSession(), descriptorsMax: Int = 1024
    ) {
        self.name = name
        self.server = server
        self.session = session
        self.logger = logger
        self.metrics = metrics
        self.readiness = Readiness()
        self.http = HTTPMonitor(factory: metrics)
        self.descriptorsMax = descriptorsMax
        self.startedAt = .now
    }
}
