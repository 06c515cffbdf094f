public import Hummingbird
import HummingbirdCore
import Logging
import NIOCore

extension ServiceProcess {
    /// A router with `/health`, `/health/ready` and `/metrics`.
    public func makeRouter() -> Router<ServiceContext> {
        let router = Router(context: ServiceContext.self)
        HealthRoutes(process: self).add(to: router)
        return router
    }

    /// The server for the routes of `router`; the last of a service's list, since it must stop first.
    ///
    /// - Parameters:
    ///   - crossOrigin: set it when pages in browsers use the service.
    public func makeApplication(
        router: Router<ServiceContext>, crossOrigin: CrossOriginPolicy? = nil
    ) -> Application<ServiceResponder> {
        Application(
            responder: ServiceResponder(router: router, monitor: http, crossOrigin: crossOrigin),
            server: .http1(configuration: HTTP1Channel.Configuration(idleTimeout: Self.idleTimeout)),
            configuration: ApplicationConfiguration(
                address: .hostname(server.host, port: server.port),
                // Hummingbird's 256 makes the kernel drop connections when thousands of viewers arrive at once.
                backlog: 4096),
            onServerRunning: { [logger, name] channel in
                logger.info(
                    "listening",
                    metadata: [
                        "service": "\(name)", "address": "\(channel.localAddress?.description ?? "unknown")",
                        "port": "\(channel.localAddress?.port ?? 0)",
                    ])
            },
            logger: quieted)
    }

    /// A connection without a request in progress is closed after this time; streams are in progress.
    private static let idleTimeout = TimeAmount.seconds(75)

    /// Hummingbird and ServiceLifecycle tell at `info` what the line "listening" says better.
    private var quieted: Logger {
        var logger = logger
        if logger.logLevel == .info { logger.logLevel = .notice }
        return logger
    }
}
