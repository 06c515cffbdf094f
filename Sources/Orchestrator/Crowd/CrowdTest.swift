import Audience
import Foundation
import Options
import Placement
import Primitives
import Report
import Testbed
import Wire

extension CrowdResult {
    /// One placement after the other, each on processes of its own.
    var parts: [String] { settings.placements.count > 1 ? settings.placements.map(\.rawValue) : [""] }

    func run(_ part: Int, in testbed: Testbed, _ gathered: Locked<Self>, _ runner: ExperimentRunner) async throws {
        let placement = settings.placements[part]
        gathered.update { $0.passes.append(Pass(placement: placement)) }
        try await CrowdTest(given: self, placement: placement, recorder: gathered, progress: runner.progress).run(
            in: testbed)
    }
}

/// The crowd of the preset `million` under one placement: it comes, stays, gets more and more comments, comes and goes,
/// and loses a Reader.
private struct CrowdTest: Sendable {
    let given: CrowdResult
    let placement: PlacementStrategy
    let recorder: Locked<CrowdResult>
    let progress: Progress

    private var settings: RunSettings { given.settings }
    private var plan: ProcessPlan { given.plan }

    /// How long a report of every Reader is waited for; each reports once in 2 s.
    private static let reportDelay = Duration.seconds(10)

    private var setup: ExperimentSetup {
        var setup = ExperimentSetup()
        (setup.commentAPIs, setup.readers, setup.swarms) = (plan.commentAPIs, plan.readers, plan.swarms)
        (setup.audience, setup.streams, setup.viewers) = (settings.audience, settings.streams, settings.viewers)
        (setup.placement, setup.seed, setup.rate) = (placement, settings.seed, 0)
        setup.redisTopology = settings.redisTopology
        // Many share the machine.
        setup.environment = ["READER_LOOPS": "1", "REPORT_INTERVAL_MS": "2000"]
        setup.connectsInProgress = max(8, CrowdPlan.connectsInProgress / plan.swarms)
        setup.swarm = [
            "--stages", "--publish-connections", "\(max(8, CrowdPlan.publishConnections / plan.swarms))",
            "--connect-timeout",
            Format.plain(CrowdPlan.connectSeconds(settings.viewers).rounded()), "--settle-timeout",
            Format.plain(CrowdPlan.settleSeconds), "--placement", placement == .random ? "random" : "follow",
        ]
        return setup
    }

    func run(in testbed: Testbed) async throws {
        let kernel = KernelFigures.slabBytes()
        progress.step("\(placement.rawValue): starting Redis, StatsAPI, CommentAPI, \(plan.readers) Readers")
        let services = try await phase("start") { try await Services.start(setup, in: testbed) }
        let load = try await CommentLoad.start(services, progress: progress)
        try await load.crowd.listening {
            try await phase("connect") { try await connect(services, load) }
            try await phase("hold") { try await hold(services, load, kernelBefore: kernel) }
            try await load.crowd.say(GeneratorOrder.start.line)
            try await phase("rates") { try await raise(services, load) }
            try await phase("measure") { try await measure(services, load) }
            try await phase("churn") { try await comeAndGo(services, load) }
            try await phase("kill") { try await killReader(services, load) }
            try await phase("settle") {
                try await load.crowd.say(GeneratorOrder.stop.line)
                try await load.crowd.reach(.published, atMost: .seconds(60))
                let whole = try await load.settle(atMost: .seconds(60 + CrowdPlan.settleSeconds))
                pass { $0.swarm = whole }
            }
        }
    }

    // MARK: Phases

    /// - Throws: ``Failure/unavailable(_:)`` with the largest crowd that was held, and what ended it.
    private func connect(_ services: Services, _ load: CommentLoad) async throws {
        let meter = meter(services, load)
        let start = ContinuousClock.now
        let base = MachineSample.now().sockets
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while true {
                    let sample = MachineSample.now(seconds: (ContinuousClock.now - start).seconds)
                    pass { $0.arrival.append(sample) }
                    let held = max(0, sample.sockets - base) / 2
                    progress.update("  about \(Format.grouped(held)) connections stand")
                    if sample.isShortOfMemory { throw tooLarge(held, fullest: 0) }
                    try await Task.sleep(for: .seconds(1))
                }
            }
            defer { group.cancelAll() }
            group.addTask {
                let connections = try await load.connect(isTold: false)
                pass { pass in
                    pass.connections = connections
                    pass.connecting = CrowdResult.Cores(meter)
                }
            }
            // The watch never ends by itself.
            try await group.next()
        }
        let connections = current.connections
        let readers = try await readers(services)
        let viewers = readers.map(\.activeConnections)
        pass { pass in
            pass.fullest = viewers.max() ?? 0
            pass.mean = Double(viewers.reduce(0, +)) / Double(max(viewers.count, 1))
        }
        if connections.failed > 0 { throw tooLarge(connections.connected, fullest: viewers.max() ?? 0) }
    }

    private func tooLarge(_ held: Int, fullest: Int) -> Failure {
        let processors = ProcessInfo.processInfo.activeProcessorCount
        let limit = CrowdLimit.text(current.arrival, processors: processors, fullest: fullest, given.capacity)
        return .unavailable(
            "\(placement.rawValue): the largest crowd that was held is \(Format.grouped(held)) of"
                + " \(Format.grouped(settings.viewers)) viewers; what ended it: \(limit)")
    }

    /// Nothing but heartbeats.
    private func hold(_ services: Services, _ load: CommentLoad, kernelBefore: Int) async throws {
        progress.step("  holding for \(Format.plain(settings.hold)) s")
        let meter = meter(services, load)
        try await Task.sleep(for: .seconds(settings.hold))
        let cores = CrowdResult.Cores(meter)
        let standing = try await readers(services).reduce(0) { $0 + $1.activeConnections }
        let memory = CrowdResult.Memory(
            readers: proportional(services.readers), generators: proportional(load.crowd.nodes),
            others: proportional(
                services.testbed.nodes.filter { node in
                    !services.readers.contains { $0 === node } && !load.crowd.nodes.contains { $0 === node }
                }),
            kernel: max(0, KernelFigures.slabBytes() - kernelBefore))
        pass { pass in
            pass.hold = cores
            pass.memory = memory
            pass.lostWhileHeld = max(0, pass.connections.connected - standing)
        }
    }

    /// More and more comments, until 1% of the deliveries take too long or fewer are taken than asked for.
    private func raise(_ services: Services, _ load: CommentLoad) async throws {
        var rate = settings.rate
        while true {
            progress.step("  \(Format.plain(rate)) comments/s for \(Format.plain(settings.duration)) s")
            let step = try await step(rate, services, load)
            pass { $0.steps.append(step) }
            let seconds = step.p99.map { Format.decimal($0, 2) } ?? "-"
            progress.step("    \(Format.grouped(step.delivered)) delivered, 99% within \(seconds) s")
            // A step in which nothing was delivered says nothing of the rate: the next one has more comments.
            guard step.latency.count == 0 || step.isSustained, rate < CrowdPlan.rateMax else { return }
            rate = (rate * CrowdPlan.rateFactor * 10).rounded() / 10
        }
    }

    private func step(_ rate: Double, _ services: Services, _ load: CommentLoad) async throws -> CrowdResult.Step {
        try await load.order(LoadStage(rate: 0))
        let first = load.crowd.coordinator.wholeStages
        let (acknowledged, delivered) = (load.crowd.coordinator.acknowledged, load.crowd.coordinator.delivered)
        try await load.order(LoadStage(rate: rate))
        let meter = meter(services, load)
        try await Task.sleep(for: .seconds(settings.duration))
        var step = CrowdResult.Step(rate: rate)
        step.cores = CrowdResult.Cores(meter)
        try await load.order(LoadStage(rate: 0))
        try await drain(load)
        try await load.order(LoadStage(rate: 0))
        let now = load.crowd.coordinator
        for stage in now.stages[first...] { step.latency.merge(stage.latency) }
        step.acknowledged = now.acknowledged - acknowledged
        step.delivered = now.delivered - delivered
        step.achieved = Double(step.acknowledged) / step.cores.seconds
        return step
    }

    /// Waits until nothing more arrives.
    private func drain(_ load: CommentLoad) async throws {
        var (last, since) = (load.crowd.coordinator.delivered, ContinuousClock.now)
        try await Polling.until(atMost: .seconds(CrowdPlan.settleSeconds), every: .milliseconds(100)) {
            let delivered = load.crowd.coordinator.delivered
            if delivered != last { (last, since) = (delivered, .now) }
            return ContinuousClock.now - since > .seconds(2)
        }
    }

    /// While everybody still watches.
    private func measure(_ services: Services, _ load: CommentLoad) async throws {
        // What the Readers have received of the last comments stands in their next report.
        let now = ContinuousClock.now
        let answer = try await services.statistics(atMost: CrowdTest.reportDelay) { $0.isNewer(than: now) }
        let prediction = SpreadOutcome.predicted(
            try settings.makeAudience(), placement: placement, readers: services.readers.map(\.name))
        let acknowledged = load.crowd.coordinator.acknowledged
        let received = answer.statistics.readerApis.totalMessagesReceived
        pass { pass in
            pass.spread = RunResult.Spread(answer.statistics.subscriptionSpread, predicted: prediction)
            pass.copies = acknowledged > 0 ? Double(received) / Double(acknowledged) : nil
            pass.map = SubscriptionMap(
                answer.statistics, title: "Channels of each Reader, placement \(placement.rawValue)")
        }
    }

    private func comeAndGo(_ services: Services, _ load: CommentLoad) async throws {
        progress.step(
            "  \(Format.grouped(Int(settings.churn * Double(settings.viewers) / 60))) viewers come and go a second")
        let before = load.crowd.coordinator.crowd?.connects ?? 0
        try await load.order(LoadStage(rate: settings.rate, churn: settings.churn))
        let meter = meter(services, load)
        try await Task.sleep(for: .seconds(settings.duration))
        let cores = CrowdResult.Cores(meter)
        try await load.order(LoadStage(rate: 0))
        _ = try await load.crowd.reach("everybody connected", atMost: .seconds(60)) { $0.crowd?.away == 0 ? true : nil }
        let connects = (load.crowd.coordinator.crowd?.connects ?? before) - before
        pass { $0.moves = (Double(connects) / cores.seconds, cores) }
    }

    /// One Reader dies and stays away: its viewers find another one.
    private func killReader(_ services: Services, _ load: CommentLoad) async throws {
        try await load.order(LoadStage(rate: settings.rate))
        try await Task.sleep(for: .seconds(2))
        let victim = services.readers[0]
        let lost = try await readers(services).first { $0.instanceId == victim.name }?.activeConnections ?? 0
        let connects = load.crowd.coordinator.crowd?.connects ?? 0
        progress.step("  SIGKILL to \(victim.name) with \(Format.grouped(lost)) viewers")
        let start = ContinuousClock.now
        await victim.kill()
        // Reports come twice a second: one of before says that nobody is away.
        let seconds = try await Polling.wait(atMost: .seconds(90), every: .milliseconds(50)) { () -> Double? in
            guard let crowd = load.crowd.coordinator.crowd, crowd.away == 0, crowd.connects >= connects + lost else {
                return nil
            }
            return (ContinuousClock.now - start).seconds
        }
        pass { pass in
            pass.lost = lost
            pass.recoverySeconds = seconds
        }
        try await Task.sleep(for: .seconds(3))
        try await load.order(LoadStage(rate: 0))
        try await drain(load)
    }

    // MARK: Figures

    private func readers(_ services: Services) async throws -> [Statistics.Readers.Reader] {
        let now = ContinuousClock.now
        return try await services.statistics(atMost: CrowdTest.reportDelay, allChannels: false) {
            $0.isNewer(than: now)
        }.statistics.readerApis.readers
    }

    private func meter(_ services: Services, _ load: CommentLoad) -> CoreMeter {
        CoreMeter(services.readers, services.redisNodes, load.crowd.nodes)
    }

    private func proportional(_ nodes: [Node]) -> Int {
        nodes.reduce(0) { sum, node in
            sum + (node.child?.pid.map { KernelFigures.proportionalBytes(pid: $0) } ?? 0)
        }
    }

    private var current: CrowdResult.Pass { recorder.value.passes.last ?? CrowdResult.Pass(placement: placement) }

    @Sendable private func pass(_ change: (inout CrowdResult.Pass) -> Void) { recorder.last(\.passes, change) }

    private func phase<Answer>(_ name: String, _ body: () async throws -> Answer) async throws -> Answer {
        let start = ContinuousClock.now
        defer { pass { $0.phases.append((name, (ContinuousClock.now - start).seconds)) } }
        return try await body()
    }
}
