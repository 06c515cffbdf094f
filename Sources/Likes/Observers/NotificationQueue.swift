import CoreMetrics
import RedisNIO
import Storage

/// The durable queue between the record and those who are told of a like: a Redis stream.
///
/// A change goes into it when the record has it and before it leaves its own stream, so a like is told of even if the
/// process dies in between; told twice at worst, which the record of notifications takes for nothing.
struct NotificationQueue: Sendable {
    let redis: RedisClient
    let likes: any LikeStore
    /// Entries that the queue holds.
    let limit: Int
    private let skipped = Counter(label: "chorus_likes_notifications_skipped")

    /// Users of one entry, and of one photo in one batch: the record counts no more of them than that in a window.
    static let entryUsersMax = 500
    static let photoUsersMax = 10_000

    init(redis: RedisClient, likes: any LikeStore, limit: Int) {
        self.redis = redis
        self.likes = likes
        self.limit = limit
    }

    /// Queues the likes of photos that have an owner, other than the owner's own.
    func append(_ changes: [LikeChange]) async throws(LikeError) {
        let byPhoto = Dictionary(grouping: changes.filter(\.liked), by: \.photo)
        guard !byPhoto.isEmpty else { return }
        let owners: [String: String]
        do throws(StorageError) {
            owners = try await likes.owners(of: Array(byPhoto.keys))
        } catch {
            throw LikeError(error)
        }
        var entries: [LikedEntry] = []
        for (photo, owner) in owners {
            let liked = (byPhoto[photo] ?? []).filter { $0.user != owner }
            skipped.increment(by: max(0, liked.count - Self.photoUsersMax))
            let told = Array(liked.suffix(Self.photoUsersMax))
            for start in stride(from: 0, to: told.count, by: Self.entryUsersMax) {
                let users = told[start..<min(start + Self.entryUsersMax, told.count)]
                entries.append(LikedEntry(photo: photo, owner: owner, likes: users.map { ($0.user, $0.at) }))
            }
        }
        try await add(entries)
    }

    private func add(_ entries: [LikedEntry]) async throws(LikeError) {
        guard !entries.isEmpty else { return }
        do throws(RedisError) {
            let length = try await redis.send(RedisCommand("XLEN", LikeKeys.notifications)).integer ?? 0
            let room = max(0, limit - Int(length))
            for entry in entries.dropFirst(room) { skipped.increment(by: entry.likes.count) }
            for reply in try await redis.send(contentsOf: entries.prefix(room).map(\.command)) {
                if let failure = reply.failure { throw failure }
            }
        } catch {
            throw LikeError(error)
        }
    }
}
