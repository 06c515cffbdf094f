import Audience
import Primitives
import RedisNIO
import Report
import Testbed
import Wire

/// What a drill has to do its damage with, and to tell of it.
struct FaultInjector: Sendable {
    let services: Services
    let progress: Progress
    /// Since the work began.
    let seconds: @Sendable () -> Double
    /// As it was told last; of likes and runs only how much was acknowledged.
    let crowd: @Sendable () -> DrillResult.Sample
    /// Changes what is known of the fault.
    let log: @Sendable ((inout FaultLog) -> Void) -> Void

    var testbed: Testbed { services.testbed }
    var victim: Node { services.readers[0] }

    /// Tells when the fault began, what happened, and when it was over.
    func tell(_ kind: FaultMark.Kind, _ text: String) {
        let mark = FaultMark(seconds: seconds(), kind: kind, text: text)
        log { $0.marks.append(mark) }
        progress.step("  \(text)")
    }

    /// Notes a number for the report.
    ///
    /// - Parameters:
    ///   - needed: elsewhere the drill says nothing, since the fault did not take hold.
    ///   - promised: elsewhere it failed.
    func note(_ name: String, _ value: Int, needed: ClosedRange<Int>? = nil, promised: ClosedRange<Int>? = nil) {
        log { $0.facts.append(DrillFact(name: name, value: value, needed: needed, promised: promised)) }
    }

    /// Asks the one server, or the one on this port; an error reply is thrown.
    @discardableResult
    func redis(_ name: String, _ arguments: String..., port: Int? = nil) async throws -> RESPValue {
        try await RedisProbe(port: port ?? services.redis.port).send(RedisCommand(name, arguments))
    }

    /// PostgreSQL, of which the drill is about.
    func database() throws(Failure) -> Node {
        guard let postgres = services.postgres else { throw .unavailable("there is no PostgreSQL") }
        return postgres
    }

    func audience() throws(Failure) -> Audience { try services.setup.makeAudience() }

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

    /// A process dies, or is asked to end, and stays away.
    func end(_ victim: Node, gently: Bool) async {
        tell(.begin, "\(gently ? "SIGTERM" : "SIGKILL") to \(victim.name)")
        if gently { await victim.stop() } else { await victim.kill() }
        tell(.end, "\(victim.name) \(gently ? "has ended" : "is gone")")
    }

    /// Waits until so many more were acknowledged; how many that are after `limit` at the latest.
    func acknowledged(_ count: Int, within limit: Duration) async throws -> Int {
        let before = crowd().acknowledged
        try await Polling.until(atMost: limit) { crowd().acknowledged - before >= count }
        return crowd().acknowledged - before
    }
}

/// What was done and found while something was broken.
struct FaultLog: Sendable {
    /// Times are seconds since the work began.
    var marks: [FaultMark] = []
    /// What the fault did.
    var facts: [DrillFact] = []
    /// Readers that came and went, where the drill is about that.
    var changes: [DrillResult.Change] = []

    /// Why it says nothing; empty when it took place.
    var missing: [String] {
        marks.begin == nil || marks.end == nil ? ["the fault did not take place"] : facts.outside(\.needed)
    }
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
