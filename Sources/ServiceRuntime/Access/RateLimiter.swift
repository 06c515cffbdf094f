import CoreMetrics
import Identity
import Primitives
import RedisNIO
import Wire

/// Limits that all processes share: GCRA (the virtual scheduling algorithm of ITU-T I.371) in Redis, by Redis's clock.
///
/// A limit is one key, which holds the time at which its bucket would be empty again, and lives until then. All keys of a
/// request go in one pipeline.
public final class RateLimiter: Sendable {
    /// A key that is counted.
    struct Check: Sendable {
        var route: Limits.Route
        /// For people and metrics: a scope, or `slow_mode`.
        var reason: String
        var key: String
        var rate: Rate
        /// Holds the seconds of a channel's slow mode; without a value nothing is counted.
        var slowModeKey: String?
    }

    /// What a request met.
    enum Outcome: Equatable {
        case allowed
        case refused(reason: String, Rate, LimitVerdict)
        /// Redis did not answer.
        case unknown
    }

    // KEYS: the limit's, and perhaps a slow mode's. ARGV: microseconds from one request to the next, requests at once.
    private static let script = RedisScript(
        """
        local interval = tonumber(ARGV[1])
        local burst = tonumber(ARGV[2])
        if KEYS[2] then
            local seconds = redis.call('GET', KEYS[2])
            if not seconds then return {1, 0, 0, 0} end
            interval = tonumber(seconds) * 1000000
        end
        local time = redis.call('TIME')
        local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
        local tat = tonumber(redis.call('GET', KEYS[1]) or now)
        if tat < now then tat = now end
        local wait = tat + interval - burst * interval - now
        if wait > 0 then return {0, 0, wait, interval} end
        tat = tat + interval
        redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', math.ceil((tat - now) / 1000))
        return {1, math.floor(burst - (tat - now) / interval), 0, interval}
        """)

    private let redis: RedisClient
    private let factory: any MetricsFactory
    private let refusals = Mutex<[String: Counter]>([:])

    init(redis: RedisClient, factory: any MetricsFactory) {
        self.redis = redis
        self.factory = factory
    }

    /// What the limits of a request need of Redis (``RedisNeeds``).
    static let needs = [["GET", "limit:{k}"], ["SET", "limit:{k}", "1", "PX", "1"], ["TIME"]]
    /// Of a service that knows slow modes.
    static let slowModeNeeds = [
        ["GET", "slow:{video:v}"], ["SET", "slow:{video:v}", "1"], ["DEL", "slow:{video:v}"],
    ]

    func check(_ checks: [Check]) async -> Outcome {
        guard !checks.isEmpty else { return .allowed }
        let calls = checks.map { check in
            var call = Self.script.call(keys: [check.key] + [check.slowModeKey].compactMap { $0 })
            call.append(check.rate.interval)
            call.append(check.rate.count)
            return call
        }
        do throws(RedisError) {
            let replies = try await redis.connection().evaluate(Self.script, contentsOf: calls)
            var refused: Outcome?
            for (check, reply) in zip(checks, replies) {
                guard let numbers = reply.array?.compactMap({ $0.integer }), numbers.count == 4 else { return .unknown }
                guard numbers[0] == 0, refused == nil else { continue }
                count(check)
                let rate = check.slowModeKey == nil ? check.rate : Rate(1, per: Int(numbers[3]) / 1_000_000)
                refused = .refused(
                    reason: check.reason, rate,
                    LimitVerdict(isAllowed: false, remaining: Int(numbers[1]), retryAfter: Int(numbers[2])))
            }
            return refused ?? .allowed
        } catch {
            return .unknown
        }
    }

    private func count(_ check: Check) {
        let counter = refusals.withLock { refusals -> Counter in
            let name = "\(check.route.rawValue) \(check.reason)"
            if let known = refusals[name] { return known }
            let made = Counter(
                label: "chorus_limit_refusals",
                dimensions: [("route", check.route.rawValue), ("reason", check.reason)],
                factory: factory)
            refusals[name] = made
            return made
        }
        counter.increment()
    }

    static func slowModeKey(_ channel: Channel) -> String { "slow:{\(channel.name)}" }

    /// Time between two comments of one user on a channel; `nil`: no slow mode.
    func setSlowMode(of channel: Channel, seconds: Int?) async throws(RedisError) {
        let key = Self.slowModeKey(channel)
        let command = seconds.map { RedisCommand("SET", key, String($0)) } ?? RedisCommand("DEL", key)
        if let failure = try await redis.send(command).failure { throw failure }
    }
}
