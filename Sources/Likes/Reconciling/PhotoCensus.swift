public import RedisNIO

/// Reads what Redis holds of photos, for those who check it from outside: members one by one, and the size beside them.
public struct PhotoCensus: Sendable {
    private let store: PartitionStore

    /// `nil` when no LikeAPI has ever run on this Redis.
    public init?(redis: RedisClient) async throws(LikeError) {
        guard let agreement = try await LikeAgreement.read(redis) else { return nil }
        store = PartitionStore(redis: redis, agreement: agreement)
    }

    /// Changes that wait for the database, over all partitions.
    public func backlog() async throws(LikeError) -> Int { try await store.depths().reduce(0, +) }

    /// The sum of the partitions' sizes: the count that clients are told.
    public func count(of photo: String) async throws(LikeError) -> Int64 {
        PhotoTotal(summing: try await store.read([photo]).states[0]).count
    }

    /// Calls `body` with pages of the photo's members. Nobody may like it meanwhile: then each comes at least once. What
    /// Redis held before it was found to be older than the database is left out.
    public func members(of photo: String, _ body: ([String]) -> Void) async throws(LikeError) {
        let states = try await store.read([photo]).states[0]
        for partition in 0..<store.partitions where states[partition] != nil {
            try await store.scan("SSCAN", store.keys(partition).members(photo)) { values in
                if !values.isEmpty { body(values.compactMap(\.text)) }
            }
        }
    }
}
