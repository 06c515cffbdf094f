public import RedisNIO

/// Reads what Redis holds of photos, for those who check it from outside: members one by one, and the size beside them.
public struct PhotoCensus: Sendable {
    private let store: PartStore

    private static let pageHint = 5_000

    /// `nil` when no LikeAPI has ever run on this Redis.
    public init?(redis: RedisClient) async throws(LikeError) {
        guard let agreed = try await LikeAgreement.read(redis) else { return nil }
        var settings = LikeSettings()
        settings.parts = agreed.parts
        store = PartStore(redis: redis, settings: settings, hasRecord: agreed.hasRecord)
    }

    /// Changes that wait for the record, over all parts.
    public func backlog() async throws(LikeError) -> Int { try await store.depths().reduce(0, +) }

    /// The sum of the parts' sizes: the count that is told.
    public func count(of photo: String) async throws(LikeError) -> Int64 {
        PhotoTotal(summing: try await store.read([photo]).0.states[0]).count
    }

    /// Calls `body` with pages of the photo's members. Nobody may like it meanwhile: then each comes at least once.
    public func members(of photo: String, _ body: ([String]) -> Void) async throws(LikeError) {
        for part in 0..<store.parts {
            var cursor = "0"
            repeat {
                let command = RedisCommand(
                    "SSCAN", store.keys(part).members(photo), cursor, "COUNT", "\(Self.pageHint)")
                guard let page = try await store.send([command])[0].array, page.count == 2, let next = page[0].text
                else { throw PartStore.strange }
                let users = (page[1].array ?? []).compactMap(\.text)
                if !users.isEmpty { body(users) }
                cursor = next
            } while cursor != "0"
        }
    }
}
