import Broker
import Foundation
import Likes
import Logging
import PostgresLibpq
import Primitives
import RedisNIO
import ServiceRuntime
import ServiceStorage
import Storage

/// `LikeAPI reconcile`: compares Redis with the database, prints a report as JSON, and repairs if it is told to.
///
/// Exit code 0 when there was no difference or all of them were repaired, 65 when some are left.
enum ReconcileCommand {
    struct Settings: ServiceSettings {
        enum Purpose: String, CaseIterable {
            case report, repair
        }

        var service: LikeAPISettings
        var purpose: Purpose
        var server: ServerSettings { service.server }

        init(from reader: inout SettingsReader) {
            service = LikeAPISettings(from: &reader)
            purpose = reader.choice("RECONCILE", default: .report, "Whether differences are only told, or repaired.")
            if !service.hasDatabase { reader.refuse("DATABASE_URL", because: "there is nothing to compare with") }
        }
    }

    static func main(_ arguments: [String]) async -> Never {
        do {
            exit(try await run(arguments).rawValue)
        } catch let error as ConfigurationError {
            end("settings that cannot be used:\n\(error)", .usage)
        } catch let failure as ServiceFailure {
            end(failure.message, failure.code)
        } catch let error as RedisError where error.code == .unsupported {
            end("REDIS_URL: \(error.message)", .usage)
        } catch {
            end("\(error)", .unavailable)
        }
    }

    private static func end(_ text: String, _ code: ExitCode) -> Never {
        StandardError.write("LikeAPI: \(text)")
        exit(code.rawValue)
    }

    private static func run(_ arguments: [String]) async throws -> ExitCode {
        let settings = try Settings.read(arguments: arguments, environment: ProcessInfo.processInfo.environment)
        let level = settings.server.logLevel
        LoggingSystem.bootstrap { LineLogHandler(label: $0, level: level) }
        let logger = Logger(label: settings.server.instance)
        guard let configuration = settings.service.database.configuration else { return .usage }
        let pool = PostgresPool(configuration: configuration, logger: logger)
        pool.start()
        let report = try await reconcile(settings, pool, logger)
        await pool.stop()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        StandardOutput.write(String(decoding: try encoder.encode(report), as: UTF8.self))
        return report.differences == 0 || report.isRepaired ? .fine : .loss
    }

    private static func reconcile(
        _ settings: Settings, _ pool: PostgresPool, _ logger: Logger
    ) async throws -> ReconcileReport {
        var connection = RedisBrokerSettings()
        connection.client.graceWait = .seconds(3)
        connection.client.connection.commandTimeout = .seconds(30)
        connection.namespace = settings.service.redis.namespace
        let broker = RedisBroker(endpoint: settings.service.redis.endpoint, settings: connection, logger: logger)
        // Ends with the process.
        let running = Task { try await broker.run() }
        defer { running.cancel() }
        // A server that cannot be worked with is told as such.
        _ = try await broker.redis.connection()
        let agreement = LikeAgreement(partitions: settings.service.likes.partitions, hasDatabase: true)
        guard try await agreement.establish(in: broker.redis) == agreement else {
            throw ServiceFailure(.usage, "LIKE_PARTS is not the number of partitions in this Redis")
        }
        return try await Reconciler(
            redis: broker.redis,
            likes: PostgresLikeStore(pool: pool, partitions: settings.service.likes.partitions),
            settings: settings.service.likes,
            repairs: settings.purpose == .repair, logger: logger
        ).run()
    }
}
