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

    /// What Redis knows of photos.
    public struct State: Equatable, Sendable {
        /// `nil`: nothing changed since Redis has its data, and the database's count holds.
        public var count: Int64?
        /// The same for whether the user likes it.
        public var isLiked: Bool?
    }

    /// The states of some photos for a user, in the order asked, without a question to the database.
    ///
    /// - Parameter photos: at most ``readMax``.
    public func states(of photos: [String], for user: String) async throws(LikeError) -> [State] {
        let unknown = [State](repeating: State(), count: photos.count)
        guard !photos.isEmpty, let store = try await currentStore() else { return unknown }
        let reading = try await store.read(photos)
        guard reading.agreement == store.agreement else {
            self.store.withLock { $0 = nil }
            return unknown
        }
        let memberships = try await store.memberships(of: user, in: photos)
        return photos.indices.map { index in
            let states = reading.states[index]
            let isKnown = !states.contains { $0 == nil }
            let membership = memberships?[index]
            return State(
                count: isKnown ? PhotoTotal(summing: states).count : nil,
                isLiked: membership?.holding == .complete ? membership?.isMember : nil)
        }
    }

    /// The commands of ``states(of:for:)``, each with its key: what the user's ACL must allow.
    public static let needs: [[String]] = {
        let keys = PartitionKeys(0)
        return [
            ["GET", LikeKeys.settings], ["HMGET", keys.sizes, "p"], ["SCARD", keys.members("p")],
            ["SISMEMBER", keys.members("p"), "u"], ["TIME"],
        ]
    }()

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
