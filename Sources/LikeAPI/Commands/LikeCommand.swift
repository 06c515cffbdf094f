import Broker
import Foundation
import Logging
import RedisNIO
import ServiceRuntime

/// What LikeAPI does when its first argument is a word: a tool instead of a service.
enum LikeCommand {
    case reconcile([String])
    case bench([String])

    /// `nil` when the arguments are those of the service.
    init?(_ arguments: [String]) {
        let rest = Array(arguments.dropFirst(2))
        switch arguments.dropFirst().first {
        case "reconcile": self = .reconcile(rest)
        case "bench": self = .bench(rest)
        default: return nil
        }
    }

    func run() async -> Never {
        do {
            switch self {
            case .reconcile(let arguments): exit(try await ReconcileCommand.run(arguments).rawValue)
            case .bench(let arguments): exit(try await BenchCommand.run(arguments).rawValue)
            }
        } catch let error as ConfigurationError {
            Self.complain("settings that cannot be used:\n\(error)")
            exit(ExitCode.usage.rawValue)
        } catch let failure as ServiceFailure {
            Self.complain(failure.message)
            exit(failure.code.rawValue)
        } catch {
            Self.complain("\(error)")
            exit(ExitCode.unavailable.rawValue)
        }
    }

    static func read<Settings: ServiceSettings>(
        _ type: Settings.Type, _ arguments: [String]
    ) throws -> (Settings, Logger) {
        let settings = try Settings.read(arguments: arguments, environment: ProcessInfo.processInfo.environment)
        let level = settings.server.logLevel
        LoggingSystem.bootstrap { LineLogHandler(label: $0, level: level) }
        return (settings, Logger(label: settings.server.instance))
    }

    /// Runs `body` with a connected broker.
    static func withBroker<Value: Sendable>(
        _ redis: RedisSettings, logger: Logger, _ body: (RedisBroker) async throws -> Value
    ) async throws -> Value {
        var settings = RedisBrokerSettings()
        settings.client.graceWait = .seconds(3)
        settings.client.connection.commandTimeout = .seconds(30)
        settings.client.connection.inFlightMax = 65_536
        let broker = RedisBroker(endpoint: redis.endpoint, settings: settings, logger: logger)
        // Ends with the process.
        let running = Task { try await broker.run() }
        defer { running.cancel() }
        return try await body(broker)
    }

    static func show(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        FileHandle.standardOutput.write(try encoder.encode(value) + Data("\n".utf8))
    }

    private static func complain(_ text: String) {
        FileHandle.standardError.write(Data("LikeAPI: \(text)\n".utf8))
    }
}
