public import Hummingbird
import HummingbirdCore
public import Identity
import Logging
public import NIOCore

extension ServiceProcess {
    /// A router with `/health`, `/health/ready` and `/metrics`.
    public func makeRouter() -> Router<ServiceContext> {
        let router = Router(context: ServiceContext.self)
        HealthRoutes(process: self).add(to: router)
        return router
    }

    /// The server for the routes of `router`. It is the last in the list of services, since it must stop first.
    ///
    /// - Parameter crossOrigin: for services that pages in browsers use.
    public func makeApplication(
        router: Router<ServiceContext>, crossOrigin: CrossOriginPolicy? = nil
    ) -> Application<ServiceResponder> {
        makeApplication(router: router, crossOrigin: crossOrigin, limits: HTTPLimits())
    }

    func makeApplication(
        router: Router<ServiceContext>, crossOrigin: CrossOriginPolicy?, limits: HTTPLimits
    ) -> Application<ServiceResponder> {
        Application(
            responder: ServiceResponder(
                router: router, monitor: http, access: access, connections: connections, crossOrigin: crossOrigin),
            server: HTTPServerBuilder { [connections, http] responder in
                ServiceChannel(
                    base: HTTP1Channel(responder: responder), connections: connections, limits: limits, monitor: http)
            },
            configuration: ApplicationConfiguration(
                address: .hostname(server.host, port: server.port),
                // Hummingbird's 256 makes the kernel drop connections when thousands of viewers arrive at once.
                backlog: 4096),
            onServerRunning: { [self] channel in
                await keepAccepting(channel)
                logger.info(
                    "listening",
                    metadata: [
                        "service": "\(name)", "address": "\(channel.localAddress?.description ?? "unknown")",
                        "port": "\(channel.localAddress?.port ?? 0)",
                    ])
            }, logger: quieted)
    }

    private func keepAccepting(_ server: any Channel) async {
        let added = server.eventLoop.submit { [logger, http, descriptorsMax] in
            try server.pipeline.syncOperations.addHandler(
                AcceptHandler(logger: logger, monitor: http, descriptorsMax: descriptorsMax), position: .first)
        }
        // It fails only when the server has stopped already.
        try? await added.get()
    }

    /// At `info`, Hummingbird and ServiceLifecycle log what the line "listening" says already.
    private var quieted: Logger {
        var logger = logger
        if logger.logLevel == .info { logger.logLevel = .notice }
        return logger
    }
}

/// The context of a request.
public struct ServiceContext: RequestContext {
    public var coreContext: CoreRequestContextStorage
    /// The connection that the request came on. For a route that takes over the socket.
    public let channel: any Channel
    /// Who sends the request; set by ``ServiceResponder``, as all of these.
    public internal(set) var caller = Caller.unchecked
    /// The caller's, as it came.
    var token: String?
    /// Why the token that came is none; the caller is then nobody. Said by whatever asks who the caller is, and by nothing
    /// else: a browser whose cookie is worth nothing any more must be able to log in again.
    var tokenProblem: APIError?
    /// Decides what the caller may.
    var access: AccessControl?
    /// Counts errors.
    var monitor: HTTPMonitor?

    /// Counts a refusal that is answered in another form than ``APIError``'s own.
    public func refused(_ error: APIError) { monitor?.refused(error.code) }

    public init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}
