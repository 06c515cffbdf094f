public import Logging
public import RedisNIO
public import Storage
import Wire

/// Takes back the likes of users whose accounts are given up, in the way of every unlike, so that counts stay exact and
/// viewers see them; and removes what these likes and the users' own notifications have left in PostgreSQL and Redis.
///
/// Whoever removes the account itself waits until nothing is left (``Storage/LikeErasure/isDone(_:)``). Any number of
/// processes may do it at once.
public struct LikeEraser: Sendable {
    private static let interval: Duration = .seconds(1)
    /// Rounds between two looks at somebody of whom the last look found nothing: each goes over all photos.
    private static let roundsOfRest = 30
    /// Unlikes at a time.
    private static let unlikesMax = 64
    /// Keys of one pipeline.
    private static let keysMax = 256

    /// The commands that only this sends to Redis, each with a key of its kind.
    public static let needs = [["DEL", "position:{user:v}"]]

    private let likes: LikeService
    private let erasure: LikeErasure
    private let redis: RedisClient
    private let settle: Duration
    private let logger: Logger

    /// - Parameter settle: from when on no older change of a like comes to the database any more.
    public init(likes: LikeService, erasure: LikeErasure, redis: RedisClient, settle: Duration, logger: Logger) {
        self.likes = likes
        self.erasure = erasure
        self.redis = redis
        self.settle = settle
        self.logger = logger
    }

    /// Works until the task is cancelled.
    public func run() async {
        var resting: [String: Int] = [:]
        while !Task.isCancelled {
            do {
                let users = try await erasure.users()
                resting = resting.filter { users.contains($0.key) && $0.value > 0 }.mapValues { $0 - 1 }
                for user in users where resting[user] == nil {
                    if try await !pass(user) { resting[user] = Self.roundsOfRest }
                }
            } catch {
                logger.debug("likes are erased later", metadata: ["error": "\(error)"])
            }
            // Cancelled while sleeping: the loop's condition ends it.
            try? await Task.sleep(for: Self.interval)
        }
    }

    /// Goes over all photos once.
    ///
    /// - Returns: whether it found anything.
    func pass(_ user: String) async throws -> Bool {
        var found = try await removePicture(of: user)
        while true {
            let owners = try await erasure.removeTold(by: user)
            if owners.isEmpty { break }
            try await forget(Array(Set(owners)))
            found = true
        }
        var photo = ""
        repeat {
            let page = try await erasure.photos(of: user, after: photo)
            guard let last = page.last else { break }
            for start in stride(from: 0, to: page.liked.count, by: Self.unlikesMax) {
                try await unlike(page.liked[start..<min(start + Self.unlikesMax, page.liked.count)], by: [user])
            }
            let owners = try await erasure.removeTraces(
                of: user, on: page.liked + page.withdrawn, withdrawnBefore: settle)
            try await forget(owners)
            let own = try await erasure.removeOwn(of: user, photosAfter: photo, through: last)
            found = found || !page.liked.isEmpty || !page.withdrawn.isEmpty || own > 0
            photo = last
        } while true
        try await forget([user])
        return found
    }

    private func unlike(_ photos: some Collection<String> & Sendable, by users: [String]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for photo in photos {
                for user in users {
                    group.addTask { _ = try await likes.apply(LikeIntent(photo: photo, user: user, liked: false)) }
                }
            }
            try await group.waitForAll()
        }
    }

    /// The user's own picture is liked under a name that holds the user's.
    private func removePicture(of user: String) async throws -> Bool {
        let picture = "of:" + user
        guard try await erasure.has(photo: picture) else { return false }
        while true {
            let likers = try await erasure.likers(of: picture, limit: Self.unlikesMax)
            if likers.isEmpty { break }
            try await unlike([picture], by: likers)
            // The database follows within a moment.
            try await Task.sleep(for: Self.interval)
        }
        try await erasure.remove(photo: picture)
        try await likes.store.forget(photo: picture)
        return true
    }

    /// Removes what is kept of users' own channels: notifications name who liked. Who watches begins anew.
    private func forget(_ users: [String]) async throws(RedisError) {
        let keys = users.compactMap { Channel.user($0) }.flatMap { [$0.historyKey, $0.positionKey, $0.namesKey] }
        for start in stride(from: 0, to: keys.count, by: Self.keysMax) {
            // A command each: on a cluster each channel is on its own node.
            let commands = keys[start..<min(start + Self.keysMax, keys.count)].map { RedisCommand("DEL", $0) }
            for reply in try await redis.send(contentsOf: commands) {
                if let failure = reply.failure { throw failure }
            }
        }
    }
}

extension PartitionStore {
    /// Removes what Redis has of a photo that the database no longer has.
    func forget(photo: String) async throws(LikeError) {
        var commands: [RedisCommand] = []
        for partition in 0..<partitions {
            let keys = keys(partition)
            commands.append(RedisCommand("UNLINK", keys.members(photo)))
            commands.append(RedisCommand("HDEL", keys.sizes, photo))
        }
        _ = try await send(commands)
    }
}
