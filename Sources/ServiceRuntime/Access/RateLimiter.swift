import CoreMetrics
import Identity
import Primitives
import RedisNIO
import Wire

/// Limits that all processes share: GCRA (the virtual scheduling algorithm of ITU-T I.371) in Redis, by Redis's clock.
///
/// A limit is one key, which holds the time at which its bucket would be empty again, and lives until then. All keys of a
/// request are looked at together, and count it only when none of them refuses it: whoever is refused takes nothing from
/// others. Requests that come while calls are under way go together in the next one. Until a limit can let a request through
/// again this process refuses by itself, so that a flood does not reach Redis.
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

    /// Requests of one call.
    static let callMax = 64
    /// Calls under way at a time.
    static let callsMax = 2
    /// Requests that wait for one of them; more are answered as if Redis were away.
    static let waitingMax = 10_000

    // KEYS: one of the server's. ARGV: whether to count (0 or 1), and of each request the number of its limits, the key of a slow
    // mode or nothing, and of each limit its key, the microseconds from one request to the next, and the requests at once. So
    // the keys may be of several slots of one node.
    // Returns for each request the number of the limit that refuses for longest, or 0, how long, and its interval.
    private static let script = RedisScript(
        """
        local time = redis.call('TIME')
        local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
        local tats, changed, answer = {}, {}, {}
        local argument = 2
        while ARGV[argument] do
            local count, slow = tonumber(ARGV[argument]), ARGV[argument + 1]
            local refusing, longest, refused, after = 0, 0, 0, {}
            for i = 1, count do
                local at = argument + 3 * i - 1
                local name, interval = ARGV[at], tonumber(ARGV[at + 1])
                if slow ~= '' and i == count then
                    local seconds = redis.call('GET', slow)
                    interval = seconds and tonumber(seconds) * 1000000
                end
                if interval then
                    local tat = tats[name] or tonumber(redis.call('GET', name) or now)
                    if tat < now then tat = now end
                    tats[name] = tat
                    local wait = tat + interval - tonumber(ARGV[at + 2]) * interval - now
                    if wait > longest then refusing, longest, refused = i, wait, interval end
                    after[name] = tat + interval
                end
            end
            for _, number in ipairs({refusing, longest, refused}) do answer[#answer + 1] = number end
            if refusing == 0 and ARGV[1] == '1' then
                for name, tat in pairs(after) do tats[name], changed[name] = tat, true end
            end
            argument = argument + 2 + 3 * count
        end
        for name in pairs(changed) do
            redis.call('SET', name, string.format('%.0f', tats[name]), 'PX', math.ceil((tats[name] - now) / 1000))
        end
        return answer
        """)

    /// A request that waits for Redis.
    private struct Question {
        var checks: [Check]
        /// By ``MonotonicClock``: before Redis was asked.
        var start: UInt64
        var continuation: CheckedContinuation<Outcome, Never>
    }

    private struct Queue {
        var questions: [Question] = []
        /// Calls under way.
        var calls = 0
    }

    private let redis: RedisClient
    private let factory: any MetricsFactory
    private let refusals = Mutex<[String: Counter]>([:])
    private let queue = Mutex(Queue())
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

    /// What this process knows to refuse, without a word to Redis; `nil`: it knows of nothing.
    func refusal(of checks: [Check]) -> Outcome? {
        let now = MonotonicClock.now()
        guard let (check, refusal) = known(checks, at: now) else { return nil }
        return refused(check, refusal.rate, microseconds: Int((refusal.until - now + 999) / 1_000))
    }

    func check(_ checks: [Check]) async -> Outcome {
        guard !checks.isEmpty else { return .allowed }
        if let refusal = refusal(of: checks) { return refusal }
        let start = MonotonicClock.now()
        return await withCheckedContinuation { continuation in
            let question = Question(checks: checks, start: start, continuation: continuation)
            let (isTaken, isNewCall) = queue.withLock { queue in
                guard queue.questions.count < Self.waitingMax else { return (false, false) }
                queue.questions.append(question)
                guard queue.calls < Self.callsMax else { return (true, false) }
                queue.calls += 1
                return (true, true)
            }
            if !isTaken { continuation.resume(returning: .unknown) }
            // Not the request's own work: it goes on when that request is answered.
            if isNewCall { Task { await work() } }
        }
    }

    /// Asks Redis for whatever waits, until nothing does.
    private func work() async {
        while let questions = next() {
            let answers = await ask(questions)
            for (question, answer) in zip(questions, answers) {
                question.continuation.resume(returning: answer.map { outcome(of: question, $0) } ?? .unknown)
            }
            guard answers.allSatisfy({ $0 == nil }) else { continue }
            // Whoever came meanwhile has waited for the same Redis: nobody waits for two calls that fail.
            for question in takeAll() { question.continuation.resume(returning: .unknown) }
        }
    }

    /// The requests of the next call; `nil`: there are none, and this was the last call for now.
    private func next() -> [Question]? {
        queue.withLock { queue in
            guard !queue.questions.isEmpty else {
                queue.calls -= 1
                return nil
            }
            defer { queue.questions.removeFirst(min(Self.callMax, queue.questions.count)) }
            return Array(queue.questions.prefix(Self.callMax))
        }
    }

    private func takeAll() -> [Question] {
        queue.withLock { queue in
            defer { queue.questions = [] }
            return queue.questions
        }
    }

    /// What Redis says of a request.
    private struct Answer {
        /// The number of the check that refuses for longest, 1 being the first; 0: none.
        var check = 0
        /// Microseconds until it would not, and from one request to the next.
        var wait = 0
        var interval = 0
    }

    /// An answer for each request; `nil`: Redis did not answer.
    ///
    /// On one server a request is looked at and counted in one step. What is on several nodes of a cluster is looked at first,
    /// on all of them, so that a request that one of them refuses is counted on none; of requests that come in the same
    /// moment, one that is refused then may have been counted by the others.
    private func ask(_ questions: [Question]) async -> [Answer?] {
        guard redis.hasShards else { return await look(questions.map(\.checks), counts: true) }
        let servers = questions.map { question in Set(question.checks.map { redis.server(of: $0.key) }) }
        let spread = questions.indices.filter { servers[$0].count > 1 }
        var answers: [Answer?] = Array(repeating: Answer(), count: questions.count)
        for (index, answer) in zip(spread, await lookAtEach(spread.map { questions[$0] }, counts: false)) {
            answers[index] = answer
        }
        let open = questions.indices.filter { answers[$0]?.check == 0 }
        for (index, answer) in zip(open, await lookAtEach(open.map { questions[$0] }, counts: true)) {
            answers[index] = answer
        }
        return answers
    }

    /// Asks one server.
    private func look(_ requests: [[Check]], counts: Bool) async -> [Answer?] {
        let reply = try? await redis.evaluate(Self.script, call(requests, counts))
        return answers(to: requests.count, reply)
    }

    /// Asks each server of a cluster that has one of the keys.
    private func lookAtEach(_ questions: [Question], counts: Bool) async -> [Answer?] {
        typealias Part = (question: Int, checks: [Int])
        var parts: [RedisAddress?: [Part]] = [:]
        for (index, question) in questions.enumerated() {
            let byServer = Dictionary(grouping: question.checks.indices) { redis.server(of: question.checks[$0].key) }
            for (server, checks) in byServer { parts[server, default: []].append((index, checks)) }
        }
        let batches = Array(parts.values)
        guard !batches.isEmpty else { return [] }
        let calls = batches.map {
            call($0.map { part in part.checks.map { questions[part.question].checks[$0] } }, counts)
        }
        let replies = (try? await redis.evaluate(Self.script, contentsOf: calls)) ?? []
        var answers: [Answer?] = Array(repeating: Answer(), count: questions.count)
        for (number, batch) in batches.enumerated() {
            let reply = number < replies.count ? replies[number] : nil
            for (part, own) in zip(batch, self.answers(to: batch.count, reply)) {
                guard let own, let known = answers[part.question] else {
                    answers[part.question] = nil
                    continue
                }
                guard own.check > 0, own.wait > known.wait else { continue }
                answers[part.question] = own
                answers[part.question]?.check = part.checks[own.check - 1] + 1
            }
        }
        return answers
    }

    private func answers(to count: Int, _ reply: RESPValue?) -> [Answer?] {
        let numbers = (reply?.array ?? []).compactMap { $0.integer }.map { Int($0) }
        guard numbers.count == 3 * count else { return Array(repeating: nil, count: count) }
        return stride(from: 0, to: numbers.count, by: 3).map {
            Answer(check: numbers[$0], wait: numbers[$0 + 1], interval: numbers[$0 + 2])
        }
    }

    private func call(_ requests: [[Check]], _ counts: Bool) -> RedisCommand {
        var call = Self.script.call(keys: [requests[0][0].key])
        call.reserve(requests.reduce(0) { $0 + 64 + 80 * $1.count })
        call.append(counts ? "1" : "0")
        for checks in requests {
            call.append(checks.count)
            call.append(checks.last?.slowModeKey ?? "")
            for check in checks {
                call.append(check.key)
                call.append(check.rate.interval)
                call.append(check.rate.count)
            }
        }
        return call
    }

    private func outcome(of question: Question, _ answer: Answer) -> Outcome {
        guard answer.check > 0 else { return .allowed }
        let check = question.checks[answer.check - 1]
        let rate = check.slowModeKey == nil ? check.rate : Rate(1, per: answer.interval / 1_000_000)
        remember(check, rate, microseconds: answer.wait, since: question.start)
        return refused(check, rate, microseconds: answer.wait)
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

extension RateLimiter.Check {
    /// `nil` when nothing is limited there.
    init?(_ limits: Limits, _ route: Limits.Route, _ scope: Limits.Scope, _ id: String) {
        guard let rate = limits[route, scope] else { return nil }
        let key = "limit:{\(route.rawValue):\(scope.rawValue):\(id)}"
        self.init(route: route, reason: scope.rawValue, key: key, rate: rate)
    }
}
