import Likes
import ServiceRuntime

/// `LikeAPI bench`: how many likes of one photo the path below HTTP carries; one JSON object on the output.
///
/// Takes an empty Redis for itself.
enum BenchCommand {
    struct Settings: ServiceSettings {
        enum Streams: String, CaseIterable {
            case on, off
        }

        var service: LikeAPISettings
        var mode: LikeBench.Mode
        var likes: Int
        var streams: Streams
        var server: ServerSettings { service.server }

        init(from reader: inout SettingsReader) {
            service = LikeAPISettings(from: &reader)
            mode = reader.choice("BENCH_MODE", default: .batched, "Through the batcher, or one call for each like.")
            likes = reader.integer(
                "BENCH_LIKES", default: 1_000_000, in: 1...100_000_000, unit: "likes", "Distinct users who like.")
            streams = reader.choice("BENCH_STREAMS", default: .on, "Whether changes go into the streams to the record.")
            service.likes.streamMax = Int.max
        }
    }

    static func run(_ arguments: [String]) async throws -> ExitCode {
        let (settings, logger) = try LikeCommand.read(Settings.self, arguments)
        let result = try await LikeCommand.withRedis(settings.service.redis, logger: logger) { redis in
            try await LikeBench(
                redis: redis, settings: settings.service.likes, streams: settings.streams == .on, logger: logger
            ).run(settings.mode, photo: "bench", likes: settings.likes)
        }
        try LikeCommand.show(result)
        return result.count == Int64(settings.likes) && result.failed == 0 ? .fine : .loss
    }
}
