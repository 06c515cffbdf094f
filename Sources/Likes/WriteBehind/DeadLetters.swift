import Primitives
public import RedisNIO

/// What cannot be understood or stored, with the reason, so that it holds up nobody: a stream in Redis.
///
/// Only what is wrong with the data itself comes here, and nothing is dropped from it: at ``lengthMax`` the workers wait
/// until somebody has looked. An entry has the fields `stream`, `id` and `reason`, and those of the entry of the change
/// stream, each with a dot before its name, so that it can be put back.
public struct DeadLetters: Sendable {
    /// One of them.
    public struct Letter: Codable, Equatable, Sendable {
        /// Its id among the dead letters, `<milliseconds>-<number>`.
        public var id: String
        /// The change stream that it came from, and its id there.
        public var stream: String
        public var entry: String
        public var reason: String
        /// Name and value of each field; empty for what a process of an older release wrote.
        public var fields: [[String]]

        var command: [String] { fields.flatMap { $0 } }
        /// Changes in it, as far as it says.
        var changes: Int {
            max(0, fields.first { $0.first == "n" }.flatMap { $0.last }.flatMap { Int($0) } ?? 0)
        }
        /// The partition whose stream it came from; `nil` for a foreign one.
        var partition: Int? {
            guard stream.hasPrefix("likes:{"), stream.hasSuffix("}:changes") else { return nil }
            return Int(stream.dropFirst("likes:{".count).dropLast("}:changes".count))
        }
        /// When the changes were made, microseconds since 1970-01-01T00:00:00Z.
        var time: Int64? { fields.first { $0.first == "t" }.flatMap { $0.last }.flatMap { Int64($0) } }
    }

    /// What became of one that was to be put back.
    public enum Replay: String, Codable, Sendable {
        case replayed
        /// Nobody knows it: it was put back before.
        case gone
        /// It has no fields, or comes from no partition.
        case unusable
        /// Its changes are older than tombstones are kept (``WriteBehindSettings/tombstoneAge``): an unlike that came after
        /// them may be forgotten, so that they would count.
        case tooOld = "too_old"
    }

    /// The most that are kept.
    static let lengthMax = 10_000

    private let redis: RedisClient
    private let tombstoneAge: Duration

    public init(redis: RedisClient, tombstoneAge: Duration = WriteBehindSettings().tombstoneAge) {
        self.redis = redis
        self.tombstoneAge = tombstoneAge
    }

    /// The oldest ones first.
    ///
    /// - Parameters:
    ///   - id: the last one of the page before; `nil` for the first page.
    ///   - limit: 1 or more.
    public func list(after id: String? = nil, limit: Int) async throws(LikeError) -> [Letter] {
        try await range(from: id.map { "(" + $0 } ?? "-", to: "+", limit: limit)
    }

    private func range(from: String, to: String, limit: Int) async throws(LikeError) -> [Letter] {
        let reply = try await LikeError.mapping {
            try await redis.send(
                RedisCommand("XRANGE", LikeKeys.deadLetters, from, to, "COUNT", "\(max(1, limit))"))
        }
        return StreamEntry.entries(reply).map { entry in
            Letter(
                id: entry.id, stream: entry["stream"] ?? "", entry: entry["id"] ?? "", reason: entry["reason"] ?? "",
                fields: entry.fields.filter { $0.name.hasPrefix(".") }.map { [String($0.name.dropFirst()), $0.value] })
        }
    }

    /// Puts one back into the stream that it came from, where a worker finds it. Doing it twice is doing it once.
    ///
    /// - Parameter now: microseconds since 1970-01-01T00:00:00Z.
    public func replay(_ id: String, now: Int64) async throws(LikeError) -> Replay {
        guard let letter = try await range(from: id, to: id, limit: 1).first else { return .gone }
        guard let partition = letter.partition, !letter.fields.isEmpty else { return .unusable }
        if let time = letter.time, now - time > tombstoneAge.milliseconds * 1_000 { return .tooOld }
        let keys = PartitionKeys(partition)
        var call = PartitionScripts.replay.call(keys: [keys.changes, keys.meta, keys.sizes, keys.replayed(id)])
        for argument in ["\(letter.changes)"] + letter.command { call.append(argument) }
        let command = call
        let reply = try await LikeError.mapping {
            let reply = try await redis.evaluate(PartitionScripts.replay, command)
            _ = try await redis.send(RedisCommand("XDEL", LikeKeys.deadLetters, id))
            return reply
        }
        return reply.integer == 1 ? .replayed : .gone
    }
}

/// On its way to ``DeadLetters``.
struct DeadLetter: Sendable {
    /// Of the entry; of a single change its version.
    let id: String
    let reason: String
    let fields: [StreamEntry.Field]
}
