public import Hummingbird
import Identity
public import Logging
public import ServiceLifecycle

/// What all parts of one service share: its name, log, metrics, readiness.
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
    /// Who may use the service.
    public let access: AccessControl
    /// The connections of the server.
    let connections: HTTPConnections
    /// Files and sockets that the process may have open.
    public let descriptorsMax: Int
    public let startedAt: ContinuousClock.Instant

    /// Descriptors that are not connections of the server: Redis, PostgreSQL, reports, loops, logs.
    private static let descriptorsReserved = 128

    public init(
        name: String, server: ServerSettings, logger: Logger, metrics: PrometheusRegistry = PrometheusRegistry(),
        session: String = ProcessIdentity.makeSession(), descriptorsMax: Int = 1024
    ) {
        self.name = name
        self.server = server
        self.session = session
        self.logger = logger
        self.metrics = metrics
        let readiness = Readiness()
        self.readiness = readiness
        metrics.gauge("chorus_ready", "1 while the readiness probe says that the process may be sent work.") {
            readiness.isReady ? 1 : 0
        }
        self.http = HTTPMonitor(factory: metrics)
        let access = AccessControl(server.access)
        self.access = access
        readiness.note("keys") {
            access.authenticator.keyFile?.problem.map { "AUTH_KEYS_FILE: \($0); the keys before stay" }
        }
        let allowed = max(descriptorsMax - Self.descriptorsReserved, descriptorsMax / 2)
        let connections = HTTPConnections(
            max: server.connectionsMax == 0 ? allowed : min(server.connectionsMax, allowed))
        self.connections = connections
        metrics.gauge("chorus_http_connections", "Connections of the HTTP server that are open.") {
            Double(connections.open)
        }
        self.descriptorsMax = descriptorsMax
        self.startedAt = .now
    }
}

/// The parts of a service, made from its settings.
public struct ServiceAssembly {
    public var router: Router<ServiceContext>
    /// In the order of dependency: started first to last before the server, stopped last to first after it.
    public var services: [any Service]
    /// Stopped before the server, which still answers meanwhile.
    public var preStop: (any Service)?
    /// For services that pages in browsers use.
    public var crossOrigin: CrossOriginPolicy?
    /// How long a graceful stop takes by design; the limit for stops comes on top.
    public var drain: Duration

    public init(
        router: Router<ServiceContext>, services: [any Service] = [], crossOrigin: CrossOriginPolicy? = nil,
        drain: Duration = .zero, preStop: (any Service)? = nil
    ) {
        self.router = router
        self.services = services
        self.crossOrigin = crossOrigin
        self.drain = drain
        self.preStop = preStop
    }

    /// The services of the process in the order in which they start.
    public func services(with server: any Service) -> [any Service] {
        services + [server] + [preStop].compactMap { $0 }
    }
}
