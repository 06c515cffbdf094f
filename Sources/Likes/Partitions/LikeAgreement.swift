public import RedisNIO

/// What all processes on one Redis must agree on: with another number of partitions a user's like would be looked for in
/// the wrong set.
public struct LikeAgreement: Equatable, Sendable {
    public var partitions: Int
    /// Whether a database stands behind Redis.
    public var hasDatabase: Bool

    public init(partitions: Int, hasDatabase: Bool) {
        self.partitions = partitions
        self.hasDatabase = hasDatabase
    }

    /// What stands in Redis; the word at the end is random and tells one generation of Redis's data from the next.
    private var text: String {
        "\(partitions) \(hasDatabase ? "record" : "redis") \(String(UInt64.random(in: .min ... .max), radix: 36))"
    }

    /// `nil` for what no LikeAPI wrote.
    init?(_ text: String) {
        let words = text.split(separator: " ")
        guard words.count == 3, let partitions = Int(words[0]), (1...1_024).contains(partitions) else { return nil }
        self.init(partitions: partitions, hasDatabase: words[1] == "record")
    }

    /// What holds in this Redis; `nil` when nobody has written anything yet.
    static func read(_ redis: RedisClient) async throws(LikeError) -> LikeAgreement? {
        try await LikeError.mapping {
            try await redis.send(RedisCommand("GET", LikeKeys.settings)).text.flatMap { LikeAgreement($0) }
        }
    }

    /// Writes it, if nobody has; returns what holds then.
    public func establish(in redis: RedisClient) async throws(LikeError) -> LikeAgreement {
        try await LikeError.mapping {
            _ = try await redis.send(RedisCommand("SET", LikeKeys.settings, text, "NX"))
            return try await Self.read(redis) ?? self
        }
    }
}
