import CoreMetrics
import Identity
import Primitives
import RedisNIO
import Wire

/// Limits that all processes share: GCRA (the virtual scheduling algorithm of ITU-T I.371) in Redis, by Redis's clock.
///
/// A limit is one key, which holds the time at which its bucket would be empty again, and lives until then. All keys of a
/// request are looked at in one call, and count it only when none of them refuses it: whoever is refused takes nothing from
/// others. Until a limit can let a request through again this process refuses by itself, so that a flood does not reach
/// Redis.
public final class RateLimiter: Sendable {
    /// A key that is counted.
    struct Check: Sendable {
        var route: Limits.Route
        /// For people and metrics: a scope, or `slow_mode`.
        var reason: String
        var key: String
        var rate: Rate
        /// Holds the seconds of a channel's slow mode; without a value nothing is counted. The last check of a request only.
        var slowModeKey: String?
    }

    /// A limit that refused.
    private struct Refusal {
        /// By ``MonotonicClock``: when it would let a request through.
        var until: UInt64
        /// By the same: when Redis is asked again.
        var askedAgain: UInt64
        var rate: Rate
    }

    /// Refusals that this process remembers.
    static let rememberedMax = 16_384
    /// And for how long: what somebody changes in Redis counts no later.
    static let remembered: Duration = .seconds(1)

    /// What a request met.
    enum Outcome: Equatable {
        case allowed
        /// `microseconds`: until it would be allowed.
        case refused(reason: String, Rate, microseconds: Int)
        /// Redis did not answer.
        case unknown
    }

    // KEYS: the limits', and perhaps a slow mode's. ARGV: of each limit the microseconds from one request to the next, and the
    // requests at once. Returns the number of the limit that refuses for longest, or 0, how long, and its interval.
    private static let script = RedisScript(
        """
        local time = redis.call('TIME')
        local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
        local count = #ARGV / 2
        local intervals, tats = {}, {}
        local refusing, longest = 0, 0
        for i = 1, count do
            local interval = tonumber(ARGV[2 * i - 1])
            if i == count and KEYS[i + 1] then
                local seconds = redis.call('GET', KEYS[i + 1])
                interval = seconds and tonumber(seconds) * 1000000
            end
            if interval then
                local tat = tonumber(redis.call('GET', KEYS[i]) or now)
                if tat < now then tat = now end
                local wait = tat + interval - tonumber(ARGV[2 * i]) * interval - now
                if wait > longest then refusing, longest = i, wait end
                intervals[i], tats[i] = interval, tat + interval
            end
        end
        if refusing > 0 then return {refusing, longest, intervals[refusing]} end
        for i, tat in pairs(tats) do
            redis.call('SET', KEYS[i], string.format('%.0f', tat), 'PX', math.ceil((tat - now) / 1000))
        end
        return {0, 0, 0}
        """)

    private let redis: RedisClient
    private let factory: any MetricsFactory
    private let refusals = Mutex<[String: Counter]>([:])
    private let refusing = Mutex(GenerationCache<String, Refusal>(limit: RateLimiter.rememberedMax))

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
        let start = MonotonicClock.now()
        if let (check, refusal) = known(checks, at: start) {
            return refused(check, refusal.rate, microseconds: Int((refusal.until - start + 999) / 1_000))
        }
        var call = Self.script.call(keys: checks.map(\.key) + checks.compactMap(\.slowModeKey))
        for check in checks {
            call.append(check.rate.interval)
            call.append(check.rate.count)
        }
        do throws(RedisError) {
            let reply = try await redis.connection().evaluate(Self.script, call)
            guard let numbers = reply.array?.compactMap({ $0.integer }).map({ Int($0) }), numbers.count == 3,
                numbers[0] <= checks.count
            else { return .unknown }
            guard numbers[0] > 0 else { return .allowed }
            let check = checks[numbers[0] - 1]
            let rate = check.slowModeKey == nil ? check.rate : Rate(1, per: numbers[2] / 1_000_000)
            remember(check, rate, microseconds: numbers[1], since: start)
            return refused(check, rate, microseconds: numbers[1])
        } catch {
            return .unknown
        }
    }

    private func refused(_ check: Check, _ rate: Rate, microseconds: Int) -> Outcome {
        count(check)
        return .refused(reason: check.reason, rate, microseconds: microseconds)
    }

    /// The limit of these that this process knows to refuse for longest.
    private func known(_ checks: [Check], at time: UInt64) -> (Check, Refusal)? {
        refusing.withLock { refusing in
            guard refusing.count > 0 else { return nil }
            return checks.compactMap { check in
                refusing[check.key].flatMap { time < $0.askedAgain ? (check, $0) : nil }
            }.max { $0.1.until < $1.1.until }
        }
    }

    /// - Parameter start: before Redis was asked, so that nobody is refused for longer than Redis would.
    private func remember(_ check: Check, _ rate: Rate, microseconds: Int, since start: UInt64) {
        let until = start + UInt64(microseconds) * 1_000
        let refusal = Refusal(until: until, askedAgain: min(until, start + Self.remembered.nanoseconds), rate: rate)
        refusing.withLock { $0[check.key] = refusal }
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
        refusing.withLock { $0.removeAll() }
    }
}
