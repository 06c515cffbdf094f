import Audience
import Foundation
import Placement
import RedisNIO
import Report
import Testbed
import Wire

/// One audience on one set of Readers: connect, publish, settle, audit.
struct LoadTest: Sendable {
    let settings: RunSettings
    let plan: ProcessPlan
    let recorder: Locked<RunResult>
    let progress: Progress
    var faults: [TimedFault] = []
    var opensDashboard = false

    private var setup: ExperimentSetup {
        var setup = ExperimentSetup()
        (setup.commentAPIs, setup.readers, setup.swarms) = (plan.commentAPIs, plan.readers, plan.swarms)
        (setup.audience, setup.streams, setup.viewers) = (settings.audience, settings.streams, settings.viewers)
        (setup.placement, setup.seed, setup.rate) = (settings.placement, settings.seed, settings.rate)
        setup.publishes(seconds: settings.duration, warmup: settings.warmup)
        setup.swarm += settings.moves?.arguments ?? []
        setup.watch(by: settings.transport)
        if faults.contains(where: { $0.kind == .stop }) { setup.environment["DRAIN_SECONDS"] = "5" }
        if settings.likesRate != nil {
            // Redis alone keeps the likes.
            setup.likeAPIs = 1
            setup.environment["LIKE_ROLE"] = "all"
        }
        return setup
    }

    func run(in testbed: Testbed) async throws {
        let audience = try Audience.of(
            settings.audience, channels: settings.streams, viewers: settings.viewers, seed: settings.seed,
            crowdShare: settings.moves?.flash?.share)
        progress.step("starting Redis, StatsAPI, \(plan.commentAPIs) CommentAPI, \(plan.readers) Readers")
        let services = try await recorder.phase("start") { try await Services.start(setup, in: testbed) }
        services.showDashboard(progress, opens: opensDashboard)
        let load = try await CommentLoad.start(services, progress: progress)
        try await load.crowd.listening {
            try await recorder.phase("connect") {
                let connections = try await load.connect()
                recorder.update { $0.connections = connections }
                _ = try await services.statistics(atMost: RunSettings.reportDelay) {
                    $0.readerApis.totalActiveConnections >= connections.connected
                }
            }
            let before = try await RedisProbe(services.redis).info()
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
            }
        }
    }

    private func publish(_ load: CommentLoad, _ audience: Audience) async throws {
        progress.step("publishing \(Format.plain(settings.rate)) comments/s for \(Format.plain(settings.duration)) s")
        let seconds = settings.duration + settings.warmup
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for fault in faults { group.addTask { try await inject(fault, load.services, since: start) } }
            group.addTask {
                try await load.publish(atMost: .seconds(seconds * 1.5 + 60), seconds: seconds, audience: audience) {
                    let known = $0.seconds
                    recorder.update { if $0.timeline.count < known.count { $0.timeline = known } }
                }
            }
            try await group.waitForAll()
        }
    }

    private func inject(_ fault: TimedFault, _ services: Services, since start: ContinuousClock.Instant) async throws {
        try await Task.sleep(until: start + .seconds(fault.at), clock: .continuous)
        try await fault.strike(
            FaultInjector(
                services: services,
                tell: { kind, text in
                    let seconds = (ContinuousClock.now - start).seconds
                    recorder.update { $0.marks.append(FaultMark(seconds: seconds, kind: kind, text: text)) }
                    progress.step("  \(text)")
                },
                found: { _ in },
                crowd: { (recorder.value.timeline.last?.acknowledged ?? 0, 0, 0) }, moved: { _ in }))
    }

    /// While everybody still watches: what the Readers hold and what Redis has done.
    private func measure(
        _ services: Services, _ audience: Audience, _ swarms: SwarmCoordinator, before: RedisInfo
    ) async throws {
        let after = try await RedisProbe(services.redis).info()
        let published = swarms.published.values.reduce(0) { $0 + $1.acknowledged }
        _ = try await services.statistics(atMost: RunSettings.reportDelay) {
            $0.commentApi.totalCommentsPublished >= published
        }
        // What the Readers have sent of the last comments stands in their next report.
        try await Task.sleep(for: RunSettings.reportInterval * 2)
        let answer = try await services.statistics()
        try? answer.json.write(to: URL(fileURLWithPath: services.testbed.folders.report + "/statistics.json"))
        let prediction = SpreadOutcome.predicted(
            audience, placement: settings.placement, readers: services.readers.map(\.name))
        recorder.update {
            $0.spread = RunResult.Spread(answer.statistics.subscriptionSpread, predicted: prediction)
            $0.readers = RunResult.Reader.all(answer.statistics, predictedShare: prediction.spread)
            $0.map = SubscriptionMap(
                answer.statistics, title: "Channels of each Reader, placement \(settings.placement.rawValue)")
            $0.redis = RedisFigures(after).since(RedisFigures(before))
            $0.base.environment.redis = after["redis_version"]
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
