import Audience
import Foundation
import Placement
import Primitives
import RedisNIO
import Report
import Testbed
import Wire

/// One audience on one set of Readers: connect, publish, settle, audit.
struct LoadTest: Sendable {
    let given: RunResult
    let recorder: Locked<RunResult>
    let runner: ExperimentRunner

    private var settings: RunSettings { given.settings }
    private var plan: ProcessPlan { given.plan }
    private var progress: Progress { runner.progress }
    /// Loads one after another; empty: one all the time.
    private var stages: [RunStage] { given.plannedStages }

    private var setup: ExperimentSetup {
        var setup = ExperimentSetup()
        (setup.commentAPIs, setup.readers, setup.swarms) = (plan.commentAPIs, plan.readers, plan.swarms)
        (setup.audience, setup.streams, setup.viewers) = (settings.audience, settings.streams, settings.viewers)
        (setup.placement, setup.seed, setup.rate) = (settings.placement, settings.seed, settings.rate)
        setup.redisTopology = settings.redisTopology
        setup.publishes(seconds: settings.duration, warmup: settings.warmup)
        setup.swarm += settings.moves?.arguments ?? []
        if let trace = settings.replay { setup.swarm += ["--replay", URL(fileURLWithPath: trace).path] }
        setup.recordsTraces = settings.record != nil
        if let first = stages.first {
            // Their orders say how much is written.
            setup.rate = 0
            setup.swarm += ["--stages"] + (first.load.viewers.map { ["--present", "\($0)"] } ?? [])
        }
        setup.watch(by: settings.transport)
        if given.faults.contains(where: { $0.kind == .stop }) { setup.environment["DRAIN_SECONDS"] = "5" }
        if settings.likesRate != nil {
            // Redis alone keeps the likes.
            setup.likeAPIs = 1
            setup.environment["LIKE_ROLE"] = "all"
        }
        return setup
    }

    func run(in testbed: Testbed) async throws {
        let audience = try settings.audience(stages)
        recorder.update { $0.audience = audience }
        progress.step(
            "starting \(settings.redisTopology.note ?? "Redis"), StatsAPI, \(plan.commentAPIs) CommentAPI,"
                + " \(plan.readers) Readers")
        let services = try await recorder.phase("start") { try await Services.start(setup, in: testbed) }
        services.showDashboard(progress, opens: runner.opensDashboard)
        let load = try await CommentLoad.start(services, progress: progress)
        try await load.crowd.listening {
            try await recorder.phase("connect") {
                let connections = try await load.connect()
                recorder.update { $0.connections = connections }
                _ = try await services.statistics(atMost: RunSettings.reportDelay) {
                    $0.readerApis.totalActiveConnections >= connections.connected
                }
            }
            let before = try await services.redisFigures().sum
            try await recorder.phase("publish") {
                guard let likes = settings.likes else { return try await publish(load, audience) }
                let outcome = try await LikesLoad.start(services, likes).accompany { try await publish(load, audience) }
                recorder.update { $0.likes = outcome }
            }
            try await recorder.phase("measure") {
                try await measure(services, audience, load.crowd.coordinator, before: before)
            }
            try await recorder.phase("settle") {
                let whole = try await load.settle()
                recorder.update { $0.swarm = whole }
                try writeTrace(in: testbed)
            }
        }
    }

    /// The swarms' parts become one file.
    private func writeTrace(in testbed: Testbed) throws {
        guard let path = settings.record else { return }
        let parts = (0..<plan.swarms).map(testbed.trace)
        do {
            let events = try Trace.merge(parts, into: path)
            for part in parts { try FileManager.default.removeItem(atPath: part) }
            progress.step("trace: \(path), \(Format.grouped(events)) events")
        } catch {
            throw Failure.unavailable("--record \(path): cannot be written: \(error.localizedDescription)")
        }
    }

    private func publish(_ load: CommentLoad, _ audience: Audience?) async throws {
        let loads =
            stages.isEmpty ? "\(Format.decimal(settings.rate, 1)) comments/s" : "\(stages.count) stages of comments"
        progress.step("publishing \(loads) for \(Format.plain(settings.duration)) s")
        let seconds = settings.duration + settings.warmup
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for fault in given.faults { group.addTask { try await inject(fault, load.services, since: start) } }
            group.addTask {
                let watch: @Sendable (SwarmCoordinator) -> Void = { now in
                    recorder.update { if $0.timeline.count < now.seconds.count { $0.timeline = now.seconds } }
                }
                let limit = Duration.seconds(seconds * 1.5 + 60)
                guard !stages.isEmpty else {
                    return try await load.publish(atMost: limit, seconds: seconds, audience: audience, watch: watch)
                }
                try await load.publish(
                    atMost: limit, seconds: seconds, audience: audience, wanted: { stages.rate(at: $0) }, watch: watch
                ) { try await play(load) }
                recorder.update { $0.stages = stages.results(load.crowd.coordinator.stages) }
            }
            try await group.waitForAll()
        }
    }

    /// The stages, each from its own time on.
    private func play(_ load: CommentLoad) async throws {
        var time = ContinuousClock.now
        for (index, stage) in stages.enumerated() {
            try await load.order(stage.load)
            progress.step("  stage \(index + 1): \(stage.label)")
            time += .seconds(stage.seconds)
            try await Task.sleep(until: time, clock: .continuous)
        }
    }

    private func inject(_ fault: TimedFault, _ services: Services, since start: ContinuousClock.Instant) async throws {
        try await Task.sleep(until: start + .seconds(fault.at), clock: .continuous)
        try await fault.strike(
            FaultInjector(
                services: services, progress: progress, seconds: { (ContinuousClock.now - start).seconds },
                crowd: { DrillResult.Sample(acknowledged: recorder.value.timeline.last?.acknowledged ?? 0) },
                log: { change in recorder.update { change(&$0.faultLog) } }))
    }

    /// While everybody still watches: what the Readers hold and what Redis has done.
    private func measure(
        _ services: Services, _ audience: Audience?, _ swarms: SwarmCoordinator, before: RedisFigures
    ) async throws {
        let (after, version) = try await services.redisFigures()
        let published = swarms.published.values.reduce(0) { $0 + $1.acknowledged }
        _ = try await services.statistics(atMost: RunSettings.reportDelay) {
            $0.commentApi.totalCommentsPublished >= published
        }
        // What the Readers have sent of the last comments stands in their next report.
        let now = ContinuousClock.now
        let answer = try await services.statistics(atMost: RunSettings.reportDelay) { $0.isNewer(than: now) }
        try? answer.json.write(to: URL(fileURLWithPath: services.testbed.folders.report + "/statistics.json"))
        let prediction = audience.map {
            SpreadOutcome.predicted($0, placement: settings.placement, readers: services.readers.map(\.name))
        }
        recorder.update {
            $0.spread = RunResult.Spread(answer.statistics.subscriptionSpread, predicted: prediction)
            $0.readers = RunResult.Reader.all(answer.statistics, predictedShare: prediction?.spread)
            $0.map = SubscriptionMap(
                answer.statistics, title: "Channels of each Reader, placement \(settings.placement.rawValue)")
            $0.redis = after.since(before)
            $0.base.environment.redis = version
        }
    }
}

extension Locked<RunResult> {
    /// Does a part of the run and notes how long it took, also when it fails.
    func phase<Answer>(_ name: String, _ body: () async throws -> Answer) async throws -> Answer {
        let start = ContinuousClock.now
        defer {
            let seconds = (ContinuousClock.now - start).seconds
            update { $0.phases.append((name, seconds)) }
        }
        return try await body()
    }
}
