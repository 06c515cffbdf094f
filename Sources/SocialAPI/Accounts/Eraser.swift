import Media
import RedisNIO
import Social
import Storage

/// Removes what users who have given up their accounts have left; see ``ErasureStore``.
struct Eraser: Sendable {
    let erasure: ErasureStore
    let likes: LikeErasure
    let media: MediaStore?
    let redis: RedisClient
    /// How long an access token is valid: nothing of the user is written from then on.
    let tokenLife: Duration

    /// Removes everything that is there now of everybody who has asked for it.
    func pass() async throws {
        for erased in try await erasure.underWay() {
            while try await erasure.step(erased.user) > 0 { try Task.checkCancellation() }
            while let media, try await media.removeUnused(of: erased.user) > 0 { try Task.checkCancellation() }
            guard erased.age > tokenLife, try await likes.isDone(erased.user) else { continue }
            _ = try await redis.send(RedisCommand("DEL", ErasureStore.redisKey(of: erased.user)))
            _ = try await erasure.finish(erased.user, after: tokenLife)
        }
    }
}
