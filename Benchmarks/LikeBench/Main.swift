import Broker
import Foundation
import Likes
import Logging
import RedisNIO
import ServiceRuntime

/// How many likes of one photo the path below HTTP carries; one JSON object on the output. Takes an empty Redis for itself.
@main
enum Main {
    struct Settings: ServiceSettings {
        enum Switch: String, CaseIterable {
            case on, off
        }

        var server: ServerSettings
        var redis: RedisSettings
        var service = LikeSettings()
        var mode: LikeBench.Mode
        var likes: Int
        var rate: Int
        var streams: Switch
        var announcements: Switch

        init(from reader: inout SettingsReader) {
            server = ServerSettings(from: &reader, port: 0)
            redis = RedisSettings(from: &reader)
            service.partitions = reader.integer(
                "LIKE_PARTS", default: service.partitions, in: 1...1_024, unit: "partitions",
                "Partitions of the photo's likers.")
            service.batchMax = reader.integer(
                "LIKE_BATCH_MAX", default: service.batchMax, in: 1...4_000, unit: "likes", "Likes of one call.")
            service.streamMax = Int.max
            mode = reader.choice("BENCH_MODE", default: .batched, "Through the batcher, or one call for each like.")
            likes = reader.integer(
                "BENCH_LIKES", default: 1_000_000, in: 1...100_000_000, unit: "likes", "Distinct users who like.")
            rate = reader.integer(
                "BENCH_RATE", default: 0, in: 0...10_000_000, unit: "likes/s", "Likes a second; 0: as many as go.")
            announcements = reader.choice(
                "BENCH_EVENTS", default: .off, "Whether counts go out as state events, to Readers on this Redis.")
            streams = reader.choice(
                "BENCH_STREAMS", default: .on, "Whether changes go into the streams to the database.")
        }
    }

    static func main() async {
        do {
            exit(try await run().rawValue)
        } catch {
            FileHandle.standardError.write(Data("LikeBench: \(error)\n".utf8))
            exit(error is ConfigurationError ? ExitCode.usage.rawValue : ExitCode.unavailable.rawValue)
        }
    }

    private static func run() async throws -> ExitCode {
        let settings = try Settings.read(
            arguments: Array(CommandLine.arguments.dropFirst()), environment: ProcessInfo.processInfo.environment)
        let level = settings.server.logLevel
        LoggingSystem.bootstrap { LineLogHandler(label: $0, level: level) }
        let logger = Logger(label: "LikeBench")
        var connection = RedisBrokerSettings()
        connection.client.graceWait = .seconds(3)
        connection.client.connection.commandTimeout = .seconds(30)
        connection.client.connection.inFlightMax = 65_536
        let broker = RedisBroker(endpoint: settings.redis.endpoint, settings: connection, logger: logger)
        // Ends with the process.
        let running = Task { try await broker.run() }
        defer { running.cancel() }
        let result = try await LikeBench(
            redis: broker.redis, broker: settings.announcements == .on ? broker : nil, settings: settings.service,
            streams: settings.streams == .on, rate: Double(settings.rate), logger: logger
        ).run(settings.mode, photo: "bench", likes: settings.likes)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        FileHandle.standardOutput.write(try encoder.encode(result) + Data("\n".utf8))
        return result.count == Int64(settings.likes) && result.failed == 0 ? .fine : .loss
    }
}
