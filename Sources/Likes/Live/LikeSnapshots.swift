import Primitives
public import RedisNIO
public import Wire

/// The current counts of photos for a Reader, whose viewers have just come.
///
/// It reads the partitions in one round trip. What Redis does not know and only the database can say is asked of LikeAPI,
/// over a set in Redis; the answer comes as an ordinary state event. It needs no setting: how many partitions there are
/// stands in Redis.
public final class LikeSnapshots: Sendable {
    private let redis: RedisClient
    private let store = Mutex<PartitionStore?>(nil)

    /// Photos that may wait for LikeAPI's answer; more are not asked for.
    private static let wantedMax = 100_000
    /// Photos of one round trip.
    private static let readMax = 2_000

    public init(redis: RedisClient) {
        self.redis = redis
    }

    /// The state events of those channels whose count is known.
    public func frames(of channels: [Channel]) async throws(LikeError) -> [Channel: [UInt8]] {
        let photos = channels.filter { $0.kind == .photo }
        guard !photos.isEmpty, let store = try await currentStore() else { return [:] }
        var frames: [Channel: [UInt8]] = [:]
        for start in stride(from: 0, to: photos.count, by: Self.readMax) {
            let some = Array(photos[start..<min(start + Self.readMax, photos.count)])
            frames.merge(try await self.frames(of: some, store)) { $1 }
        }
        return frames
    }

    private func frames(of photos: [Channel], _ store: PartitionStore) async throws(LikeError) -> [Channel: [UInt8]] {
        let reading = try await store.read(photos.map(\.id), also: [RedisCommand("SCARD", LikeKeys.wanted)])
        guard reading.agreement == store.agreement else {
            // Redis lost its data, or other LikeAPIs have taken over: what they agree on now is read the next time.
            self.store.withLock { $0 = nil }
            return [:]
        }
        var frames: [Channel: [UInt8]] = [:]
        var wanted: [String] = []
        for (photo, states) in zip(photos, reading.states) {
            if store.hasDatabase, states.contains(where: { $0 == nil }) {
                wanted.append(photo.id)
            } else {
                frames[photo] = PhotoTotal(summing: states).frame(photo: photo.id)
            }
        }
        if !wanted.isEmpty, (reading.more.first?.integer ?? 0) < Self.wantedMax {
            _ = try await store.send([RedisCommand("SADD", [LikeKeys.wanted] + wanted)])
        }
        return frames
    }

    /// `nil` while no LikeAPI has ever run on this Redis: then nobody has liked anything.
    private func currentStore() async throws(LikeError) -> PartitionStore? {
        if let known = store.withLock({ $0 }) { return known }
        guard let agreement = try await LikeAgreement.read(redis) else { return nil }
        let made = PartitionStore(redis: redis, agreement: agreement)
        store.withLock { $0 = made }
        return made
    }
}
