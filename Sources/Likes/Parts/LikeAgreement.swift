public import RedisNIO

/// What all processes on one Redis must agree on: with another number of parts a user's like would be looked for in
/// the wrong set.
public struct LikeAgreement: Equatable, Sendable {
    public var parts: Int
    /// Whether a record stands behind Redis.
    public var hasRecord: Bool

    public init(parts: Int, hasRecord: Bool) {
        self.parts = parts
        self.hasRecord = hasRecord
    }

    /// What stands in Redis; the word at the end is random and tells one life of Redis's data from the next.
    private var text: String {
        "\(parts) \(hasRecord ? "record" : "redis") \(String(UInt64.random(in: .min ... .max), radix: 36))"
    }

    /// `nil` for what no LikeAPI wrote.
    init?(_ text: String) {
        let words = text.split(separator: " ")
        guard words.count == 3, let parts = Int(words[0]), (1...1_024).contains(parts) else { return nil }
        self.init(parts: parts, hasRecord: words[1] == "record")
    }

    /// What holds in this Redis; `nil` when nobody has said anything yet.
    static func read(_ redis: RedisClient) async throws(LikeError) -> LikeAgreement? {
        do throws(RedisError) {
            return try await redis.send(RedisCommand("GET", LikeKeys.settings)).text.flatMap { LikeAgreement($0) }
        } catch {
            throw LikeError(error)
        }
    }

    /// Says it, if nobody has; returns what holds then.
    public func settle(in redis: RedisClient) async throws(LikeError) -> LikeAgreement {
        do throws(RedisError) {
            let replies = try await redis.send(contentsOf: [
                RedisCommand("SET", LikeKeys.settings, text, "NX"), RedisCommand("GET", LikeKeys.settings),
            ])
            if let failure = replies.lazy.compactMap(\.failure).first { throw failure }
            return replies[1].text.flatMap { LikeAgreement($0) } ?? self
        } catch {
            throw LikeError(error)
        }
    }
}
