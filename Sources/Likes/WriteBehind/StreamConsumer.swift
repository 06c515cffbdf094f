import Primitives
import RedisNIO

/// One member of the consumer group, on some partitions' streams. Used by one task at a time.
///
/// What is read stays on the group's list of pending entries until it is acknowledged. A consumer that comes back under
/// its old name begins with what it had; what belongs to one that does not come back is claimed by the others.
struct StreamConsumer {
    let redis: RedisClient
    let streams: [String]
    let consumer: String
    /// An entry that nobody has touched for so long may be claimed.
    let claimAfter: Duration
    /// Streams of which this consumer may still have entries from an earlier run, and how far it has looked through them.
    private var recovering: [String: String]
    private let group = PartitionStore.group

    init(redis: RedisClient, streams: [String], consumer: String, claimAfter: Duration) {
        self.redis = redis
        self.streams = streams
        self.consumer = consumer
        self.claimAfter = claimAfter
        recovering = Dictionary(uniqueKeysWithValues: streams.map { ($0, "0") })
    }

    /// The next entries of each stream, at most `count` of each.
    ///
    /// - Parameter only: the number of the one stream to read; the others then give nothing.
    mutating func read(count: Int, only: Int? = nil) async throws(LikeError) -> [[StreamEntry]] {
        let wanted = only.map { [streams[$0 % streams.count]] } ?? streams
        let commands = wanted.map { stream in
            RedisCommand(
                "XREADGROUP", "GROUP", group, consumer, "COUNT", "\(max(1, count))", "STREAMS", stream,
                recovering[stream] ?? ">")
        }
        var read: [String: [StreamEntry]] = [:]
        for (stream, reply) in zip(wanted, try await send(commands)) {
            // [[stream, entries]], or null when there is nothing new.
            let entries = StreamEntry.entries(reply.array?.first?.array?.last)
            // What is left to others stays pending: it is not looked at again.
            if recovering[stream] != nil { recovering[stream] = entries.last?.id }
            read[stream] = entries
        }
        return streams.map { read[$0] ?? [] }
    }

    /// Takes over what consumers that are gone have left, at most `count` of each stream.
    func claim(count: Int) async throws(LikeError) -> [[StreamEntry]] {
        let idle = "\(max(1, claimAfter.milliseconds))"
        let commands = streams.map { stream in
            RedisCommand("XAUTOCLAIM", stream, group, consumer, idle, "0-0", "COUNT", "\(max(1, count))")
        }
        return try await send(commands).map { reply in
            guard let parts = reply.array, parts.count > 1 else { return [] }
            return StreamEntry.entries(parts[1])
        }
    }

    /// Deletes consumers that have nothing and have not been seen for an hour: each start of a process makes one.
    func deleteIdleConsumers() async throws(LikeError) {
        for stream in streams {
            let reply = try await send([RedisCommand("XINFO", "CONSUMERS", stream, group)]).first
            for value in reply?.array ?? [] {
                let info = Self.fields(value)
                guard let name = info["name"]?.text, name != consumer, info["pending"]?.integer == 0,
                    (info["idle"]?.integer ?? 0) > 3_600_000
                else { continue }
                _ = try await send([RedisCommand("XGROUP", "DELCONSUMER", stream, group, name)])
            }
        }
    }

    private static func fields(_ value: RESPValue) -> [String: RESPValue] {
        let values = value.array ?? []
        let pairs = stride(from: 0, to: values.count - 1, by: 2).map { (values[$0].text ?? "", values[$0 + 1]) }
        return Dictionary(pairs) { first, _ in first }
    }

    /// Sends the commands; where a group does not exist (the stream is new, or Redis lost its data) it is made.
    private func send(_ commands: [RedisCommand]) async throws(LikeError) -> [RESPValue] {
        do throws(RedisError) {
            let replies = try await redis.send(contentsOf: commands)
            guard replies.contains(where: { $0.failure?.code == .reply("NOGROUP") }) else {
                return try Self.checked(replies)
            }
            let groups = streams.map { RedisCommand("XGROUP", "CREATE", $0, group, "0", "MKSTREAM") }
            for reply in try await redis.send(contentsOf: groups) {
                if let failure = reply.failure, failure.code != .reply("BUSYGROUP") { throw failure }
            }
            return try Self.checked(try await redis.send(contentsOf: commands))
        } catch {
            throw LikeError(error)
        }
    }

    private static func checked(_ replies: [RESPValue]) throws(RedisError) -> [RESPValue] {
        if let failure = replies.lazy.compactMap(\.failure).first { throw failure }
        return replies
    }
}

/// One entry of a Redis stream.
struct StreamEntry: Equatable, Sendable {
    /// `<milliseconds>-<number>`.
    let id: String
    /// Empty for an entry that was deleted while it was pending.
    let fields: [Field]

    struct Field: Equatable, Sendable {
        let name: String
        let value: String
    }

    subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    /// The entries of an `XRANGE` reply, or of one stream of `XREADGROUP`.
    static func entries(_ reply: RESPValue?) -> [StreamEntry] {
        (reply?.array ?? []).compactMap { value in
            guard let parts = value.array, parts.count == 2, let id = parts[0].text else { return nil }
            let texts = parts[1].array ?? []
            let fields = stride(from: 0, to: texts.count - 1, by: 2).map { index in
                Field(name: texts[index].text ?? "", value: texts[index + 1].text ?? "")
            }
            return StreamEntry(id: id, fields: fields)
        }
    }
}
