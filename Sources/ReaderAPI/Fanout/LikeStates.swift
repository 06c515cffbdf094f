import Fanout
import Likes
import RedisNIO
import Wire

/// The counts of photos, for viewers who come.
struct LikeStates: StateSource {
    private let snapshots: LikeSnapshots

    init(redis: RedisClient) {
        snapshots = LikeSnapshots(redis: redis)
    }

    var kinds: Set<Channel.Kind> { [.photo] }

    func states(of channels: [Channel]) async throws -> [Channel: [UInt8]] {
        try await snapshots.frames(of: channels)
    }
}
