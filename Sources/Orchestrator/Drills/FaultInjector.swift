import Audience
import RedisNIO
import Report
import Testbed
import Wire

/// What a drill has to do its damage with, and to tell of it.
struct FaultInjector: Sendable {
    let services: Services
    /// Tells when the fault began, what happened, and when it was over.
    let tell: @Sendable (FaultMark.Kind, String) -> Void
    let found: @Sendable (DrillFact) -> Void
    let crowd: @Sendable () -> CrowdView
    /// A Reader that came or went, for the report.
    let moved: @Sendable (DrillResult.Change) -> Void

    var testbed: Testbed { services.testbed }
    var victim: Node { services.readers[0] }

    /// Notes a number for the report.
    ///
    /// - Parameters:
    ///   - needed: elsewhere the drill says nothing, since the fault did not take hold.
    ///   - promised: elsewhere it failed.
    func note(_ name: String, _ value: Int, needed: ClosedRange<Int>? = nil, promised: ClosedRange<Int>? = nil) {
        found(DrillFact(name: name, value: value, needed: needed, promised: promised))
    }

    func redis(_ name: String, _ arguments: [String] = [], port: Int? = nil) async throws -> RESPValue {
        let probe = port.map { RedisProbe(port: $0) } ?? RedisProbe(services.redis)
        return try await probe.send(RedisCommand(name, arguments))
    }

    /// PostgreSQL, of which the drill is about.
    func database() throws(Failure) -> Node {
        guard let postgres = services.postgres else { throw .unavailable("there is no PostgreSQL") }
        return postgres
    }

    func audience() throws -> Audience {
        let setup = services.setup
        return try Audience(setup.audience, channels: setup.streams, viewers: setup.viewers, seed: setup.seed)
    }

    func statistics() async throws(Failure) -> Statistics {
        try await ServiceClient(testbed.node("stats-api")).statistics().statistics
    }

    /// A process dies, and is started again after `pause`; `times` over.
    func kill(_ victim: Node, for pause: Duration, times: Int = 1) async throws {
        tell(.begin, "SIGKILL to \(victim.name)")
        for time in 1...times {
            if time > 1 {
                // It has begun to work on what it found when it dies again.
                try await Task.sleep(for: .seconds(1))
                tell(.step, "SIGKILL to \(victim.name) again")
            }
            await victim.kill()
            try await Task.sleep(for: pause)
            try await victim.start()
        }
        tell(.end, "\(victim.name) is ready again")
    }

    /// Waits until so many more were acknowledged; how many that are after `limit` at the latest.
    func acknowledged(_ count: Int, within limit: Duration) async throws -> Int {
        let before = crowd().acknowledged
        _ = try await Polling.wait(atMost: limit) { crowd().acknowledged - before >= count ? true : nil }
        return crowd().acknowledged - before
    }
}

/// What is known of the crowd now; all but the first of comments only.
struct CrowdView: Sendable {
    /// Since the start.
    var acknowledged = 0
    /// Connections that got their first event.
    var connects = 0
    /// Viewers that have no connection.
    var away = 0
    /// Seconds since publishing began: now, and until when every viewer has had everything.
    var seconds = 0.0
    var wholeThrough = -1.0
}

/// A number that says what the fault did, or what came of it.
struct DrillFact: Sendable {
    var name: String
    var value: Int
    /// Elsewhere the fault did not take place.
    var needed: ClosedRange<Int>?
    /// Elsewhere a promise is broken.
    var promised: ClosedRange<Int>?

    static let metrics = MetricList<DrillFact> { list in
        list.group("Fault")
        list.count("number") { $0.value }
    }
}

extension [DrillFact] {
    /// One number each; those of one name are numbered.
    var metrics: [Metric] {
        enumerated().flatMap { index, fact in
            let before = self[..<index].count { $0.name == fact.name }
            return DrillFact.metrics.metrics(of: fact, scope: before == 0 ? fact.name : "\(fact.name), \(before + 1)")
        }
    }

    func outside(_ range: KeyPath<DrillFact, ClosedRange<Int>?>) -> [String] {
        compactMap { fact in
            guard let wanted = fact[keyPath: range], !wanted.contains(fact.value) else { return nil }
            let bounds =
                wanted.upperBound == .max
                ? "at least \(wanted.lowerBound)" : "\(wanted.lowerBound) to \(wanted.upperBound)"
            return "\(fact.name): \(fact.value), not \(bounds)"
        }
    }
}
