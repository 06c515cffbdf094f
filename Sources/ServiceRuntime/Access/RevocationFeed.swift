public import Identity
import Logging
import Primitives
public import RedisNIO

/// Revocations in Redis: a stream that every process reads again and again, so that each knows of one after
/// ``interval``. An entry stays for as long as a token that it ends may live, and a process that starts reads them all.
public final class RevocationFeed: Sendable {
    static let key = "identity:revocations"
    /// Time between two reads.
    static let interval: Duration = .seconds(2)
    /// Entries of one read.
    static let page = 1_000

    private let redis: RedisClient
    private let authenticator: Authenticator
    private let logger: Logger
    private let hasRead = Mutex(false)

    init(redis: RedisClient, authenticator: Authenticator, logger: Logger) {
        self.redis = redis
        self.authenticator = authenticator
        self.logger = logger
    }

    /// Adds revocations for every process.
    ///
    /// - Parameter keptSeconds: how long they are worth something. Older ones go, at twice that age, since the clock of Redis
    ///   may be another.
    public static func publish(
        _ revocations: [Revocation], keptSeconds: Int, to redis: RedisClient
    ) async throws(RedisError) {
        let oldest = max(0, WallClock.milliseconds() - 2_000 * Int64(keptSeconds))
        let commands = revocations.map { revocation in
            RedisCommand(
                "XADD", key, "MINID", "~", String(oldest), "*", "kind", revocation.kind.rawValue, "id", revocation.id,
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
        ["XADD", key, "MINID", "~", "1", "*", "kind", "k"], ["EXISTS", key],
    ]

    /// Whether everything was read once: before that a token that was revoked may pass.
    var isCurrent: Bool { hasRead.withLock { $0 } }

    /// How far the stream was read. Pure.
    struct Position: Equatable {
        /// Read again after a failure: a replica that became the master may lack the newest entries and have a slower clock.
        static let overlapMilliseconds: Int64 = 60_000

        /// Where `XRANGE` starts.
        private(set) var start = "-"

        /// - Parameter id: of the newest entry that was read.
        mutating func advance(to id: String) { start = "(" + id }

        mutating func fail() {
            guard start.hasPrefix("("), let time = Int64(start.dropFirst().prefix { $0 != "-" }) else { return }
            start = String(max(0, time - Self.overlapMilliseconds))
        }
    }

    /// Reads until the task is cancelled. While Redis is away what is known stays.
    func run() async {
        var position = Position()
        var isAway = false
        while !Task.isCancelled {
            do throws(RedisError) {
                while try await read(from: &position) {}
                isAway = false
                hasRead.withLock { $0 = true }
            } catch {
                if !isAway { logger.warning("revocations cannot be read", metadata: ["error": "\(error)"]) }
                isAway = true
                position.fail()
            }
            do { try await Task.sleep(for: Self.interval) } catch { return }
        }
    }

    /// `true` when there may be more.
    private func read(from position: inout Position) async throws(RedisError) -> Bool {
        let command = RedisCommand("XRANGE", Self.key, position.start, "+", "COUNT", String(Self.page))
        let reply = try await redis.send(command)
        if let failure = reply.failure { throw failure }
        let entries = reply.array ?? []
        authenticator.apply(entries.compactMap { Revocation(entry: $0) })
        if let newest = entries.last?.array?.first?.text { position.advance(to: newest) }
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
