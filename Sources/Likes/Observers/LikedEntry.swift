import RedisNIO
import Storage
import Wire

/// One entry of the queue of notifications: who liked one photo, and when.
struct LikedEntry: Sendable {
    let photo: String
    let owner: String
    /// Microseconds since 1970-01-01T00:00:00Z.
    let likes: [(user: String, at: Int64)]

    var command: RedisCommand {
        let lines = likes.map { "\($0.at) \($0.user)" }.joined(separator: "\n")
        return RedisCommand("XADD", LikeKeys.notifications, "*", "p", photo, "o", owner, "u", lines)
    }

    init(photo: String, owner: String, likes: [(user: String, at: Int64)]) {
        self.photo = photo
        self.owner = owner
        self.likes = likes
    }

    /// `nil` for an entry that this queue did not write.
    init?(_ entry: StreamEntry) {
        guard let photo = entry["p"], let owner = entry["o"], let lines = entry["u"], Identifier.isValid(photo),
            Identifier.isValid(owner)
        else { return nil }
        var likes: [(user: String, at: Int64)] = []
        for line in lines.split(separator: "\n") {
            let parts = line.split(separator: " ", omittingEmptySubsequences: false)
            guard parts.count == 2, let at = Int64(parts[0]), at > 0, Identifier.isValid(parts[1]) else { return nil }
            likes.append((String(parts[1]), at))
        }
        self.init(photo: photo, owner: owner, likes: likes)
    }

    var events: [LikeEvent] { likes.map { LikeEvent(photo: photo, owner: owner, user: $0.user, at: $0.at) } }
}
