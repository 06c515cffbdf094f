import Broker
import CoreMetrics
import Logging
import Primitives
import ReaderPlacement
import RedisNIO
import ServiceLifecycle
import ServiceRuntime
import Wire

/// What this Reader tells Redis of its viewers, video by video, and when. Pure.
///
/// What changed here goes first. What may have changed elsewhere (a Reader died, Redis lost its data) and what is only
/// renewed follows in small parts, the largest audiences first: a Reader of 90,000 videos must not stop Redis.
struct ViewerCountPlan {
    struct Count: Equatable {
        var video: Channel
        var viewers: Int
        /// To be announced even if the sum is as it was: somebody here has not heard it.
        var announces: Bool
    }

    /// Videos of one step that changed here, and others.
    static let changesMax = 4_096
    static let othersMax = 512
    /// Steps in which every video is renewed once: ten minutes.
    static let renewalSteps = 1_200

    private var counts: [Channel: Int] = [:]
    private var changed: [Channel: Bool] = [:]
    private var others: [Channel] = []
    private var renewing: ArraySlice<Channel> = []

    /// Videos that wait.
    var waiting: Int { changed.count + others.count }

    /// Counts that were touched since the last step; 0 and `nil` are no viewers.
    mutating func take(_ touched: [Channel: Int?]) {
        for (video, viewers) in touched where video.kind == .video {
            let viewers = viewers ?? 0
            let before = counts[video]
            guard viewers > 0 || before != nil else { continue }
            // Somebody came as somebody left, or the first one came: nobody else need have a reason to announce.
            let announces = viewers > 0 && (before == nil || before == viewers)
            changed[video] = (changed[video] ?? false) || announces
            counts[video] = viewers > 0 ? viewers : nil
        }
    }

    /// The sums of all videos may be others.
    mutating func doubtAll() {
        others = counts.sorted { $0.value < $1.value }.map(\.key)
    }

    /// What to tell now, hot ones first; ``wait(for:)`` gives back what has to come again.
    mutating func step() -> [Count] {
        var counts: [Count] = []
        for (video, announces) in changed.prefix(Self.changesMax) { counts.append(count(video, announces)) }
        for count in counts { changed[count.video] = nil }
        let told = Set(counts.map(\.video))
        if others.isEmpty { renew() }
        for video in others.suffix(Self.othersMax).reversed() where !told.contains(video) && changed[video] == nil {
            if self.counts[video] != nil { counts.append(count(video, false)) }
        }
        others.removeLast(min(Self.othersMax, others.count))
        return counts
    }

    private func count(_ video: Channel, _ announces: Bool) -> Count {
        Count(video: video, viewers: counts[video] ?? 0, announces: announces)
    }

    private mutating func renew() {
        if renewing.isEmpty { renewing = ArraySlice(counts.keys) }
        let part = renewing.prefix(max(1, counts.count / Self.renewalSteps))
        renewing = renewing.dropFirst(part.count)
        others = Array(part)
    }

    /// Its announcement would be too early, or Redis did not take it.
    mutating func wait(for count: Count) {
        changed[count.video] = (changed[count.video] ?? false) || count.announces
    }
}

/// Counts viewers with the other Readers over Redis, and announces the sums as state events.
///
/// Each video is announced at most every ``gap``; a change is announced within a gap and a step. What a Reader counted that
/// died is gone after ``lifetime``.
struct ViewerCounts: Service {
    static let step = Duration.milliseconds(500)
    static let gap = Duration.seconds(2)
    static let lifetime = Duration.seconds(6)
    /// Videos of one call: some ten microseconds each.
    private static let callMax = 128

    let redis: RedisClient
    let session: String
    let names: ChannelNames
    let logger: Logger
    /// Channels with their viewers that were touched since the last call.
    let touched: @Sendable () -> [Channel: Int?]
    private let plan = Shared()
    private let failures: Counter

    private final class Shared: Sendable {
        let plan = Mutex(ViewerCountPlan())
    }

    init(
        redis: RedisClient, session: String, names: ChannelNames, metrics: PrometheusRegistry, logger: Logger,
        touched: @escaping @Sendable () -> [Channel: Int?]
    ) {
        self.redis = redis
        self.session = session
        self.names = names
        self.logger = logger
        self.touched = touched
        failures = Counter(label: "chorus_viewers_failures", factory: metrics)
        metrics.describe("chorus_viewers_failures", "Times that the viewers could not be counted with the others.")
        metrics.gauge("chorus_viewers_waiting", "Videos whose viewers are yet to be counted with the others.") {
            [plan] in Double(plan.plan.withLock { $0.waiting })
        }
    }

    func run() async {
        var others: Set<String>?
        var isAway = false
        while !Task.isShuttingDownGracefully && !Task.isCancelled {
            do {
                others = try await step(others)
                if isAway { logger.info("viewers are counted again") }
                isAway = false
            } catch {
                failures.increment()
                if !isAway { logger.warning("viewers cannot be counted", metadata: ["error": "\(error)"]) }
                isAway = true
            }
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: Self.step) }
        }
        if !Task.isCancelled { _ = try? await tell([], lifetime: .zero) }
    }

    /// - Parameter others: the sessions that were alive at the last step.
    func step(_ others: Set<String>?) async throws -> Set<String> {
        var counts = plan.plan.withLock { plan in
            plan.take(touched())
            return plan.step()
        }
        var others = others
        var alive: Set<String> = []
        repeat {
            let part = Array(counts.prefix(Self.callMax))
            do {
                let answer = try await tell(part, lifetime: Self.lifetime)
                alive = answer.alive
                counts.removeFirst(part.count)
                plan.plan.withLock { plan in
                    for number in answer.later { plan.wait(for: part[number]) }
                    // Somebody is gone whose viewers are in the sums, or Redis lost what it had.
                    if let known = others, !known.isSubset(of: alive) || !answer.isKnown { plan.doubtAll() }
                }
                others = alive
            } catch {
                plan.plan.withLock { plan in counts.forEach { plan.wait(for: $0) } }
                throw error
            }
        } while !counts.isEmpty
        return alive
    }

    private struct Answer {
        var isKnown = true
        var alive: Set<String> = []
        /// Numbers of the counts that have to wait.
        var later: [Int] = []
    }

    /// One call for each server, which renews there what says that this Reader is alive.
    private func tell(_ counts: [ViewerCountPlan.Count], lifetime: Duration) async throws -> Answer {
        let numbers = Dictionary(grouping: counts.indices) {
            redis.server(of: ViewerCountScript.key(of: counts[$0].video.id))
        }
        let parts = redis.channels(onEachServer: ViewerCountScript.readersKey).map { key in
            (key: key, numbers: numbers[redis.server(of: key)] ?? [])
        }
        let script = redis.hasShards ? ViewerCountScript.shardedUpdate : ViewerCountScript.update
        let calls = parts.map { part in
            var call = script.call(keys: [part.key])
            for argument in [part.key, session, String(lifetime.milliseconds), String(Self.gap.milliseconds)] {
                call.append(argument)
            }
            for count in part.numbers.map({ counts[$0] }) {
                for argument in [count.video.id, names.name(of: count.video), String(count.viewers)] {
                    call.append(argument)
                }
                call.append(count.announces ? "1" : "0")
            }
            return call
        }
        guard !calls.isEmpty else { throw RedisError(.notConnected, "no server of Redis is known yet") }
        var answer = Answer()
        for (part, reply) in zip(parts, try await redis.evaluate(script, contentsOf: calls)) {
            if let failure = reply.failure { throw failure }
            guard let fields = reply.array, fields.count == 3, let known = fields[0].integer,
                let alive = fields[1].array,
                let later = fields[2].array
            else { throw RegistryCall.UnknownForm() }
            if known != 1 { answer.isKnown = false }
            answer.alive.formUnion(alive.compactMap(\.text))
            answer.later += later.compactMap { $0.integer.map { Int($0) - 1 } }
                .filter { part.numbers.indices.contains($0) }.map { part.numbers[$0] }
        }
        return answer
    }

    /// How many watch a video, on all Readers.
    static func viewers(of video: Channel, redis: RedisClient) async throws -> Int {
        let key = ViewerCountScript.key(of: video.id)
        let servers = redis.channels(onEachServer: ViewerCountScript.readersKey)
        let readers = servers.first { redis.server(of: $0) == redis.server(of: key) } ?? ViewerCountScript.readersKey
        return Int(
            try await redis.evaluate(ViewerCountScript.read, keys: [key], arguments: [Array(readers.utf8)]).integer ?? 0
        )
    }
}
