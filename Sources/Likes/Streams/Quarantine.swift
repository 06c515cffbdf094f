import CoreMetrics
import Logging
import RedisNIO

/// Where entries go that cannot be understood or stored, each with its reason, so that they stop nobody.
struct Quarantine: Sendable {
    let redis: RedisClient
    let logger: Logger
    private let aside = Counter(label: "chorus_likes_entries_set_aside")

    /// The newest entries that are kept.
    private static let lengthMax = 10_000

    init(redis: RedisClient, logger: Logger) {
        self.redis = redis
        self.logger = logger
    }

    func put(stream: String, id: String, reason: String, raw: String) async throws(LikeError) {
        do throws(RedisError) {
            _ = try await redis.send(
                RedisCommand(
                    "XADD", LikeKeys.poisoned, "MAXLEN", "~", "\(Self.lengthMax)", "*", "stream", stream, "id", id,
                    "reason", reason, "entry", raw))
        } catch {
            throw LikeError(error)
        }
        aside.increment()
        logger.warning(
            "an entry is set aside",
            metadata: ["redis.stream": "\(stream)", "redis.entry": "\(id)", "reason": "\(reason)"])
    }
}
