public import Identity
import Logging
public import RedisNIO

/// Revocations in Redis: a stream that every process reads again and again, so that each knows of one after
/// ``interval``. Its length is bounded: what is older than ``lengthMax`` others a process that starts does not learn.
public struct RevocationFeed: Sendable {
    static let key = "identity:revocations"
    static let lengthMax = 100_000
    /// Time between two reads.
    static let interval: Duration = .seconds(2)
    private static let page = 1_000

    private let redis: RedisClient
    private let authenticator: Authenticator
    private let logger: Logger

    init(redis: RedisClient, authenticator: Authenticator, logger: Logger) {
        self.redis = redis
        self.authenticator = authenticator
        self.logger = logger
    }

    /// Adds revocations for every process.
    public static func publish(_ revocations: [Revocation], to redis: RedisClient) async throws(RedisError) {
        let commands = revocations.map { revocation in
            RedisCommand(
                "XADD", key, "MAXLEN", "~", String(lengthMax), "*", "kind", revocation.kind.rawValue, "id",
                revocation.id,
                "upto", String(revocation.issuedUpTo), "until", String(revocation.until))
        }
        for reply in try await redis.send(contentsOf: commands) {
            if let failure = reply.failure { throw failure }
        }
    }

    /// Whether Redis has any.
    public static func exists(in redis: RedisClient) async throws(RedisError) -> Bool {
        let reply = try await redis.send(RedisCommand("EXISTS", key))
        if let failure = reply.failure { throw failure }
        return reply.integer == 1
    }

    /// What reading needs of Redis (``RedisNeeds``).
    static let needs = [["XRANGE", key, "-", "+", "COUNT", "1"]]
    /// What writing needs besides.
    public static let writingNeeds = [
        ["XADD", key, "MAXLEN", "~", "1", "*", "kind", "k"], ["EXISTS", key],
    ]

    /// Reads until the task is cancelled. While Redis is away what is known stays.
    func run() async {
        var last = "0"
        var isAway = false
        while !Task.isCancelled {
            do throws(RedisError) {
                while try await read(after: &last) {}
                isAway = false
            } catch {
                if !isAway { logger.warning("revocations cannot be read", metadata: ["error": "\(error)"]) }
                isAway = true
                // A Redis that lost its data begins its numbers anew, and what is read twice does no harm.
                last = "0"
            }
            do { try await Task.sleep(for: Self.interval) } catch { return }
        }
    }

    /// `true` when there may be more.
    private func read(after last: inout String) async throws(RedisError) -> Bool {
        let start = last == "0" ? "-" : "(" + last
        let reply = try await redis.send(RedisCommand("XRANGE", Self.key, start, "+", "COUNT", String(Self.page)))
        if let failure = reply.failure { throw failure }
        let entries = reply.array ?? []
        authenticator.apply(entries.compactMap { Revocation(entry: $0) })
        if let newest = entries.last?.array?.first?.text { last = newest }
        return entries.count == Self.page
    }
}

extension Revocation {
    /// An entry of the stream; `nil` for what is none.
    fileprivate init?(entry: RESPValue) {
        guard let parts = entry.array, parts.count == 2, let values = parts[1].array?.map({ $0.text ?? "" }) else {
            return nil
        }
        var fields: [String: String] = [:]
        for index in stride(from: 0, to: values.count - 1, by: 2) { fields[values[index]] = values[index + 1] }
        guard let kind = fields["kind"].flatMap({ Kind(rawValue: $0) }), let id = fields["id"],
            let upTo = fields["upto"].flatMap({ Double($0) }), let until = fields["until"].flatMap({ Double($0) })
        else { return nil }
        self.init(kind, id, issuedUpTo: upTo, until: until)
    }
}
