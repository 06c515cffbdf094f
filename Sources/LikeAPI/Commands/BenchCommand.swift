import Broker
import Likes
import ServiceRuntime

/// `LikeAPI bench`: how many likes of one photo the path below HTTP carries; one JSON object on the output.
///
/// Takes an empty Redis for itself.
enum BenchCommand {
    struct Settings: ServiceSettings {
        enum Switch: String, CaseIterable {
            case on, off
        }

        var service: LikeAPISettings
        var mode: LikeBench.Mode
        var likes: Int
        var rate: Int
        var streams: Switch
        var announcements: Switch
        var server: ServerSettings { service.server }

        init(from reader: inout SettingsReader) {
            service = LikeAPISettings(from: &reader)
            mode = reader.choice("BENCH_MODE", default: .batched, "Through the batcher, or one call for each like.")
            likes = reader.integer(
                "BENCH_LIKES", default: 1_000_000, in: 1...100_000_000, unit: "likes", "Distinct users who like.")
            rate = reader.integer(
                "BENCH_RATE", default: 0, in: 0...10_000_000, unit: "likes/s", "Likes a second; 0: as many as go.")
            announcements = reader.choice(
                "BENCH_EVENTS", default: .off, "Whether counts go out as state events, to Readers on this Redis.")
            streams = reader.choice("BENCH_STREAMS", default: .on, "Whether changes go into the streams to the record.")
            service.likes.streamMax = Int.max
        }
    }

    static func run(_ arguments: [String]) async throws -> ExitCode {
        let (settings, logger) = try LikeCommand.read(Settings.self, arguments)
        let result = try await LikeCommand.withBroker(settings.service.redis, logger: logger) { broker in
            try await LikeBench(
                redis: broker.redis, broker: settings.announcements == .on ? broker : nil,
                settings: settings.service.likes, streams: settings.streams == .on, rate: Double(settings.rate),
                logger: logger
            ).run(settings.mode, photo: "bench", likes: settings.likes)
        }
        try LikeCommand.show(result)
        return result.count == Int64(settings.likes) && result.failed == 0 ? .fine : .loss
    }
}
