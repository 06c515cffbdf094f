import Audience
import Placement
import Report
import Testbed
import Wire

/// What the preset `million` measured: the same crowd under one placement after the other.
struct CrowdResult: Experiment {
    var settings: RunSettings
    var capacity: Capacity
    /// What the report begins with.
    var base: Report
    var passes: [Pass] = []
    /// Of the last placement only; costs stand with their phases.
    var processes: [ProcessCosts] = []

    var plan: ProcessPlan { ProcessPlan(settings, capacity) }

    /// Cores that were in use over a time.
    struct Cores: Sendable {
        var seconds = 0.0
        var readers = 0.0
        var redis = 0.0
        var generators = 0.0
        /// The whole machine, whoever used it.
        var machine = 0.0

        init(seconds: Double = 0, readers: Double = 0) { (self.seconds, self.readers) = (seconds, readers) }

        init(_ meter: CoreMeter) {
            let used = meter.read()
            (seconds, machine) = (used.seconds, used.machine)
            (readers, redis, generators) = (used.groups[0], used.groups[1], used.groups[2])
        }
    }

    /// One rate of comments, from its start until the last comment had arrived.
    struct Step: Sendable {
        /// Comments a second over all channels: asked for, and acknowledged.
        var rate: Double
        var achieved = 0.0
        var acknowledged = 0
        var delivered = 0
        /// Since comments were due.
        var latency = LatencyHistogram()
        var cores = Cores()

        var p50: Double? { latency.microseconds(atPercentile: 50).map { Double($0) / 1e6 } }
        var p99: Double? { latency.microseconds(atPercentile: 99).map { Double($0) / 1e6 } }
        /// The rate was reached, and 99% of the deliveries came in time; `false` without any.
        var isSustained: Bool {
            achieved >= rate * CrowdPlan.achievedMin && (p99.map { $0 <= CrowdPlan.lastP99SecondsMax } ?? false)
        }
    }

    /// Proportional sets, and what the kernel has more than before the start.
    struct Memory: Sendable {
        var readers = 0
        var generators = 0
        var others = 0
        var kernel = 0

        var all: Int { readers + generators + others + kernel }
    }

    struct Pass: Sendable {
        var placement: PlacementStrategy
        var phases: [(name: String, seconds: Double)] = []
        var connections = SwarmReport.Viewers()
        /// While the crowd came.
        var arrival: [MachineSample] = []
        var connecting = Cores()
        var hold: Cores?
        /// Connections that did not stand at the end of the hold.
        var lostWhileHeld = 0
        var memory: Memory?
        var spread: RunResult.Spread?
        /// With all viewers: of the fullest Reader, and the mean.
        var fullest = 0
        var mean = 0.0
        /// Over all comments that were acknowledged before.
        var copies: Double?
        var map: SubscriptionMap?
        var steps: [Step] = []
        /// Connects a second while viewers came and went, and the cost.
        var moves: (perSecond: Double, cores: Cores)?
        /// The Reader that was killed: how many lost it, and until all of them were connected again.
        var lost = 0
        var recoverySeconds: Double?
        var swarm: SwarmReport?

        /// The highest rate that was reached, with p99 within the bound.
        var sustained: Double? { steps.filter(\.isSustained).map(\.rate).max() }
    }
}

// MARK: Verdict

extension CrowdResult {
    private func verdict(_ failure: Failure?) -> Verdict {
        guard failure == nil, passes.count == settings.placements.count else {
            return Verdict([.completed(failure ?? .interrupted)])
        }
        return Verdict([.completed(nil)] + passes.flatMap(CrowdResult.checks))
    }

    /// What has to hold under each placement.
    static func checks(_ pass: Pass) -> [Check] {
        let name = pass.placement.rawValue
        func bound(_ what: String, _ value: Double?, _ most: Double, _ unit: String, _ digits: Int = 1) -> Check {
            let found = value.map { "\(Format.decimal($0, digits)) \(unit)" } ?? "not measured"
            return Check(
                "\(name): \(what)", passed: value.map { $0 <= most } ?? false,
                "\(name): \(what) \(found), at most \(Format.decimal(most, digits)) \(unit)")
        }
        let problems = pass.swarm.map(\.delivery.problems) ?? "no report of the viewers"
        let owed = Format.grouped(pass.swarm?.delivery.expected ?? 0)
        var checks = [
            Check(
                "\(name): audit", problems: problems.isEmpty ? [] : ["\(name): the audit found \(problems)"],
                else: "\(name): all \(owed) deliveries that were owed came once, in order and unaltered"),
            Check(
                "\(name): held", passed: pass.lostWhileHeld == 0,
                "\(name): \(Format.grouped(pass.lostWhileHeld)) connections were lost while nothing happened"),
            bound("connecting took", pass.connections.connectSeconds, CrowdPlan.connectSecondsMax, "s", 0),
            bound("heartbeats took", pass.hold?.readers, CrowdPlan.heartbeatCoresMax, "cores of the Readers", 2),
            bound("p99 at the first rate was", pass.steps.first?.p99, CrowdPlan.firstP99SecondsMax, "s", 2),
            bound("recovery took", pass.recoverySeconds, CrowdPlan.recoverySecondsMax, "s"),
        ]
        if pass.lost == 0 {
            checks.append(
                Check("\(name): fault", passed: false, "\(name): nobody lost a Reader", exitCode: .unavailable))
        }
        let told = pass.swarm?.delivery.toldMissing ?? 0
        if told > 0 {
            checks.append(Check("\(name): gaps", passed: false, "\(name): \(told) deliveries were told missing"))
        }
        return checks
    }
}

// MARK: Report

extension CrowdResult {
    static let metrics = MetricList<Pass> { list in
        list.group("Crowd")
        list.count("viewers connected", .higherIsBetter, strict: true) { $0.connections.connected }
        list.count("viewers not connected", .lowerIsBetter, strict: true) { $0.connections.failed }
        list.add("connecting", .seconds, .lowerIsBetter, minimumDelta: 1) { $0.connections.connectSeconds }
        list.add("Readers' CPU for a connect", .milliseconds, .lowerIsBetter) { pass in
            pass.perConnect(pass.connecting.readers)
        }
        list.add("generators' CPU for a connect", .milliseconds) { pass in pass.perConnect(pass.connecting.generators) }
        list.add("fullest Reader, times the mean", .none, .lowerIsBetter, minimumDelta: 0.05) { pass in
            pass.mean > 0 ? Double(pass.fullest) / pass.mean : nil
        }
        list.group("Subscriptions")
        list.count("channels") { $0.spread?.measured.channels }
        list.count("subscriptions", .lowerIsBetter) { $0.spread?.measured.subscriptions }
        list.count("subscriptions in Redis") { $0.spread?.measured.redisSubscriptions }
        list.add("spread", .percent, .lowerIsBetter, minimumDelta: 1) { $0.spread?.measured.meanShare.map { $0 * 100 } }
        list.add("spread predicted", .percent) { $0.spread?.predicted.map { $0.spread * 100 } }
        list.add("weighted amplification predicted") { $0.spread?.predicted?.weightedAmplification }
        list.add("messages from Redis for each comment", .none, .lowerIsBetter, minimumDelta: 0.5) { $0.copies }
        list.group("Hold")
        list.add("held", .seconds) { $0.hold?.seconds }
        list.add("Readers, cores", .none, .lowerIsBetter, minimumDelta: 0.05) { $0.hold?.readers }
        list.add("Redis, cores") { $0.hold?.redis }
        list.add("generators, cores") { $0.hold?.generators }
        list.add("machine, cores") { $0.hold?.machine }
        list.group("Memory")
        list.add("Readers, proportional", .bytes, .lowerIsBetter, minimumDelta: 4_194_304) { pass in
            pass.memory.map { Double($0.readers) }
        }
        list.add("generators, proportional", .bytes) { pass in pass.memory.map { Double($0.generators) } }
        list.add("other processes, proportional", .bytes) { pass in pass.memory.map { Double($0.others) } }
        list.add("kernel", .bytes) { pass in pass.memory.map { Double($0.kernel) } }
        list.add("all", .bytes) { pass in pass.memory.map { Double($0.all) } }
        list.add("for a viewer", .bytes) { pass in
            pass.memory.map { Double($0.all) / Double(max(pass.connections.connected, 1)) }
        }
        list.group("Load")
        list.add("highest rate within the bound", .perSecond, .higherIsBetter, minimumDelta: 1) { $0.sustained }
        list.add("p99 at the first rate", .seconds, .lowerIsBetter, minimumDelta: 0.2) { $0.steps.first?.p99 }
        list.add("connects while viewers come and go", .perSecond) { $0.moves?.perSecond }
        list.add("Readers, cores then") { $0.moves?.cores.readers }
        list.count("viewers who lost their Reader") { $0.lost }
        list.add("time to recover", .seconds, .lowerIsBetter, minimumDelta: 1) { $0.recoverySeconds }
    }

    static let stepMetrics = MetricList<Step> { list in
        list.group("Rates")
        list.add("acknowledged", .perSecond) { $0.achieved }
        list.add("deliveries", .perSecond) { step in
            step.cores.seconds > 0 ? Double(step.delivered) / step.cores.seconds : nil
        }
        list.add("p50 since due", .seconds) { $0.p50 }
        list.add("p99 since due", .seconds) { $0.p99 }
        list.add("Readers, cores") { $0.cores.readers }
        list.add("Redis, cores") { $0.cores.redis }
        list.add("generators, cores") { $0.cores.generators }
        list.add("machine, cores") { $0.cores.machine }
    }

    static var definitions: [MetricDefinition] {
        metrics.definitions + stepMetrics.definitions + SwarmReport.metrics.definitions
    }

    func report(_ failure: Failure?) -> Report {
        var report = base
        report.verdict = verdict(failure)
        report.summary = passes.map(CrowdResult.sentence).joined(separator: " ")
        for pass in passes {
            let name = pass.placement.rawValue
            report.metrics += Self.metrics.metrics(of: pass, scope: name)
            for step in pass.steps {
                let scope = "\(name), \(Format.plain(step.rate))/s"
                report.metrics += Self.stepMetrics.metrics(of: step, scope: scope)
            }
            report.metrics += pass.swarm.map { SwarmReport.metrics.metrics(of: $0, scope: name) } ?? []
        }
        report.details = ["Latency"]
        report.maps = passes.compactMap(\.map).filter { !$0.channels.isEmpty }
        report.charts = charts
        report.samples = passes.map { pass in
            Report.Samples(
                "\(pass.placement.rawValue) connecting", ["seconds", "sockets", "memory_available", "cpu_seconds"],
                rows: pass.arrival.map {
                    [$0.seconds, Double($0.sockets), Double($0.memoryAvailable), $0.cpuSeconds]
                })
        }
        report.notes =
            ["\(plan.readers) Readers with one loop, \(plan.commentAPIs) CommentAPI, \(plan.swarms) swarms"]
            + passes.map { pass in
                "\(pass.placement.rawValue): "
                    + pass.phases.map { "\($0.name) \(Format.decimal($0.seconds, 1)) s" }.joined(separator: ", ")
            }
        return report
    }

    private static func sentence(_ pass: Pass) -> String {
        let rate = pass.sustained.map {
            "; up to \(Format.plain($0)) comments a second 99% came within \(Format.plain(CrowdPlan.lastP99SecondsMax)) s"
        }
        return "\(pass.placement.rawValue): \(Format.grouped(pass.connections.connected)) viewers connected in"
            + " \(Format.decimal(pass.connections.connectSeconds, 0)) s\(rate ?? "")."
    }

    private var charts: [Chart] {
        func series(_ points: (Pass) -> [Chart.Point]) -> [Chart.Series] {
            passes.map { Chart.Series($0.placement.rawValue, points($0), style: .markedLine) }
        }
        return [
            Chart(
                "99% of deliveries since due", x: "comments a second", y: "s",
                series { pass in pass.steps.compactMap { step in step.p99.map { Chart.Point(x: step.rate, y: $0) } } }),
            Chart(
                "Cores of all Readers", x: "comments a second", y: "cores",
                series { pass in pass.steps.map { Chart.Point(x: $0.rate, y: $0.cores.readers) } }),
            Chart(
                "Sockets of both ends while the crowd comes", x: "s", y: "sockets",
                series { pass in pass.arrival.map { Chart.Point(x: $0.seconds, y: Double($0.sockets)) } }),
        ].filter { !$0.series.isEmpty }
    }
}

extension CrowdResult.Pass {
    /// Milliseconds of processor time for each viewer who connected.
    fileprivate func perConnect(_ cores: Double) -> Double? {
        connections.connected > 0
            ? cores * connecting.seconds * 1000 / Double(connections.connected) : nil
    }
}
