import RedisNIO

/// ``FeedCache`` in Redis: for each feed one sorted set `feed:{<user>}` of posts by sequence. Its lowest member, with score
/// 0, is the marker: `<floor> <version> <token>`, or `- - <token>` while the feed is read from the database. A token begins
/// with Redis's replication history, another one after a restart and a failover.
public struct RedisFeedCache: FeedCache {
    /// Shorter than ``Feed/seenDays`` by more than the hour that a reader counts as seen: what is kept is pushed to.
    private static let lifetimeMilliseconds = 6 * 86_400_000
    private static let buildMilliseconds = 60_000
    /// Larger than every sequence, and exact as a score.
    private static let top: Int64 = 1 << 53

    let redis: RedisClient

    /// The commands that feeds send, each with its key: what the user's ACL must allow.
    public static let needs: [[String]] = {
        let key = Self.key("u")
        return [
            ["ZRANGE", key, "0", "0"], ["ZREVRANGEBYSCORE", key, "(1", "(0"], ["ZADD", key, "1", "p"],
            ["ZREM", key, "p"], ["ZCARD", key], ["ZREMRANGEBYRANK", key, "1", "1"], ["DEL", key],
            ["PEXPIRE", key, "1"],
        ]
    }()

    static func key(_ viewer: String) -> String { "feed:{\(viewer)}" }

    func read(_ viewer: String, before: Int64, limit: Int) async throws -> CachedFeed? {
        var call = readScript.call(keys: [Self.key(viewer)])
        call.append(min(before, Self.top))
        call.append(limit)
        async let history = history(of: viewer)
        let reply = try await redis.evaluate(readScript, call)
        guard let values = reply.array, values.count == 2, let marker = values[0].text.flatMap({ Marker($0) }),
            marker.history == (try await history)
        else { return nil }
        return CachedFeed(
            version: marker.version, floor: marker.floor, entries: try Self.entries(values[1].array ?? []))
    }

    func begin(_ viewer: String) async throws -> String {
        let token = try await history(of: viewer) + "." + String(UInt64.random(in: .min ... .max), radix: 36)
        _ = try await evaluate(beginScript, viewer, [token, "\(Self.buildMilliseconds)"])
        return token
    }

    func install(_ feed: CachedFeed, of viewer: String, token: String) async throws {
        var arguments = [token, "\(feed.version)", "\(feed.floor)", "\(Self.lifetimeMilliseconds)"]
        for entry in feed.entries { arguments += ["\(entry.sequence)", entry.post] }
        _ = try await evaluate(installScript, viewer, arguments)
    }

    func keep(_ viewer: String) async throws {
        let reply = try await redis.send(
            RedisCommand("PEXPIRE", Self.key(viewer), String(Self.lifetimeMilliseconds)))
        if let failure = reply.failure { throw failure }
    }

    func push(_ entry: FeedEntry, to viewers: [String]) async throws {
        let calls = viewers.map { viewer in
            var call = pushScript.call(keys: [Self.key(viewer)])
            call.append(entry.sequence)
            call.append(entry.post)
            return call
        }
        for reply in try await redis.evaluate(pushScript, contentsOf: calls) {
            if let failure = reply.failure { throw failure }
        }
    }

    private func evaluate(_ script: RedisScript, _ viewer: String, _ arguments: [String]) async throws -> RESPValue {
        try await redis.evaluate(script, keys: [Self.key(viewer)], arguments: arguments.map { Array($0.utf8) })
    }

    /// Of the server that has the feed. Where an ACL refuses `INFO`, a feed outlives a restart of Redis.
    private func history(of viewer: String) async throws -> String {
        let question = RedisCommand("INFO", "replication").routed(like: Self.key(viewer))
        let replies = try await redis.send(contentsOf: [question])
        return RedisInfo(replies.first?.text ?? "")["master_replid"] ?? "-"
    }

    private static func entries(_ values: [RESPValue]) throws -> [FeedEntry] {
        try stride(from: 0, to: values.count - 1, by: 2).map { index in
            guard let post = values[index].text, let sequence = values[index + 1].text.flatMap({ Int64($0) }) else {
                throw RedisError(.protocolViolation, "a feed holds something else")
            }
            return FeedEntry(sequence: sequence, post: post)
        }
    }

    /// The lowest member of a feed that can be read.
    private struct Marker {
        var floor: Int64
        var version: Int64
        var history: String

        init?(_ text: String) {
            let words = text.split(separator: " ")
            guard words.count == 3, let floor = Int64(words[0]), let version = Int64(words[1]),
                let dot = words[2].lastIndex(of: ".")
            else { return nil }
            (self.floor, self.version, history) = (floor, version, String(words[2][..<dot]))
        }
    }
}

private let readScript = RedisScript(
    """
    local marker = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
    if not marker then return {} end
    local below = '(' .. ARGV[1]
    return {marker, redis.call('ZREVRANGEBYSCORE', KEYS[1], below, '(0', 'WITHSCORES', 'LIMIT', 0, ARGV[2])}
    """)

private let beginScript = RedisScript(
    """
    redis.call('DEL', KEYS[1])
    redis.call('ZADD', KEYS[1], 0, '- - ' .. ARGV[1])
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    return 1
    """)

// What was trimmed while the feed was built lies below the lowest that is left.
private let installScript = RedisScript(
    """
    local key, marker = KEYS[1], redis.call('ZRANGE', KEYS[1], 0, 0)[1]
    if marker ~= '- - ' .. ARGV[1] then return 0 end
    local floor = tonumber(ARGV[3])
    if redis.call('ZCARD', key) > 400 then
        floor = math.max(floor, tonumber(redis.call('ZRANGE', key, 1, 1, 'WITHSCORES')[2]))
    end
    redis.call('ZREM', key, marker)
    for index = 5, #ARGV, 2 do redis.call('ZADD', key, ARGV[index], ARGV[index + 1]) end
    local over = redis.call('ZCARD', key) - 400
    if over > 0 then
        local gone = redis.call('ZRANGE', key, 0, over - 1, 'WITHSCORES')
        redis.call('ZREMRANGEBYRANK', key, 0, over - 1)
        floor = math.max(floor, tonumber(gone[#gone]) + 1)
    end
    redis.call('ZADD', key, 0, string.format('%.0f', floor) .. ' ' .. ARGV[2] .. ' ' .. ARGV[1])
    redis.call('PEXPIRE', key, ARGV[4])
    return 1
    """)

private let pushScript = RedisScript(
    """
    local key, marker = KEYS[1], redis.call('ZRANGE', KEYS[1], 0, 0)[1]
    if not marker then return 0 end
    redis.call('ZADD', key, ARGV[1], ARGV[2])
    local over = redis.call('ZCARD', key) - 401
    if over <= 0 then return 1 end
    local gone = redis.call('ZRANGE', key, 1, over, 'WITHSCORES')
    redis.call('ZREMRANGEBYRANK', key, 1, over)
    local floor, rest = string.match(marker, '^(%S+)( .*)$')
    local highest = tonumber(gone[#gone])
    if floor ~= '-' and highest >= tonumber(floor) then
        redis.call('ZREM', key, marker)
        redis.call('ZADD', key, 0, string.format('%.0f', highest + 1) .. rest)
    end
    return 1
    """)
