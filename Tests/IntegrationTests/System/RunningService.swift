import Hummingbird
import Logging
import Primitives
import ServiceLifecycle
import ServiceRuntime
import TestSupport

/// One of the services, in this process, assembled as its `main` does it, on a free port of the loopback.
struct RunningService: Sendable {
    struct DidNotListen: Error {}

    let port: Int
    let process: ServiceProcess
    private let group: ServiceGroup

    /// What SIGTERM does.
    func stop() async {
        await group.triggerGracefulShutdown()
    }

    func get(_ path: String) async throws -> HTTPAnswer {
        try await LoopbackHTTP.get(port: port, path)
    }

    /// Runs `body` beside the service, then stops the service in order and waits for its end.
    static func with<Value: Sendable>(
        _ assembly: ServiceAssembly, _ process: ServiceProcess, _ address: ListeningAddress,
        _ body: (RunningService) async throws -> Value
    ) async throws -> Value {
        let application = process.makeApplication(router: assembly.router, crossOrigin: assembly.crossOrigin)
        var configuration = ServiceGroupConfiguration(
            services: assembly.services(with: application),
            logger: Logger(label: "group") { _ in SwiftLogNoOpLogHandler() })
        configuration.maximumGracefulShutdownDuration = .seconds(20)
        let group = ServiceGroup(configuration: configuration)
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let outcome: Result<Value, any Error>
            do {
                guard await eventually(within: 30, { address.port != nil }), let port = address.port else {
                    throw DidNotListen()
                }
                outcome = .success(try await body(RunningService(port: port, process: process, group: group)))
            } catch {
                outcome = .failure(error)
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return try outcome.get()
        }
    }
}

final class ListeningAddress: Sendable {
    private let found = Mutex<Int?>(nil)

    var port: Int? { found.withLock { $0 } }

    var logger: Logger {
        Logger(label: "test") { _ in Handler(address: self) }
    }

    private struct Handler: LogHandler {
        let address: ListeningAddress
        var logLevel = Logger.Level.info
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            guard "\(event.message)" == "listening", let port = event.metadata?["port"] else { return }
            address.found.withLock { $0 = Int("\(port)") }
        }
    }
}
