import CoreMetrics
import Logging
import RedisNIO

/// Where entries go that cannot be understood or stored, each with its reason, so that they hold up nobody.
struct DeadLetterStream: Sendable {
    let redis: RedisClient
    let logger: Logger
    private let added = Counter(label: "chorus_likes_entries_set_aside")

    /// The newest entries that are kept.
    private static let lengthMax = 10_000

    init(redis: RedisClient, logger: Logger) {
        self.redis = redis
        self.logger = logger
    }

    func add(stream: String, id: String, reason: String, entry: String) async throws(LikeError) {
        try await LikeError.mapping {
            _ = try await redis.send(
                RedisCommand(
                    "XADD", LikeKeys.deadLetters, "MAXLEN", "~", "\(Self.lengthMax)", "*", "stream", stream, "id", id,
                    "reason", reason, "entry", entry))
        }
        added.increment()
        logger.warning(
            "an entry is a dead letter",
            metadata: ["redis.stream": "\(stream)", "redis.entry": "\(id)", "reason": "\(reason)"])
    }
}
