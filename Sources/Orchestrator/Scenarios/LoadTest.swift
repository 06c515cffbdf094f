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
    let audience: Audience
    let recorder: RunRecorder
    let progress: Progress
    let folders: Folders

    func run(in testbed: Testbed) async throws {
        recorder.update { $0.testbed = testbed }
        let services = try await recorder.phase("start") {
            try await RunServices.start(plan, settings, in: testbed, progress: progress)
        }
        let crowd = LoadGeneratorGroup(try await startSwarms(services))
        try await crowd.listening {
            try await recorder.phase("connect") { try await connect(crowd, services) }
            let before = try await RedisProbe(services.redis).info()
            try await recorder.phase("publish") {
                guard let likes = services.likes else { return try await publish(crowd) }
                let outcome = try await likes.accompany { try await publish(crowd) }
                recorder.update { $0.likes = outcome }
            }
            try await recorder.phase("measure") { try await measure(services, crowd, before: before) }
            try await recorder.phase("settle") { try await settle(crowd) }
        }
        progress.step("stopping")
    }

    private func startSwarms(_ services: RunServices) async throws -> [Node] {
        var nodes: [Node] = []
        for shard in 0..<plan.swarms {
            let arguments =
                ["swarm", "--coordinate", "--shard", "\(shard)/\(plan.swarms)"] + services.addresses(commentAPI: shard)
                + [
                    "--streams", "\(settings.streams)", "--viewers", "\(settings.viewers)", "--audience",
                    "\(settings.audience)",
                    "--seed", "\(settings.seed)", "--rate", Format.plain(settings.rate), "--duration",
                    Format.plain(settings.durationSeconds), "--warmup", Format.plain(settings.warmupSeconds),
                    "--placement",
                    settings.placement == .random ? "random" : "follow",
                ] + (settings.moves?.arguments ?? [])
            nodes.append(try await services.testbed.addClient(.swarm, name: "swarm-\(shard + 1)", arguments: arguments))
        }
        return nodes
    }

    private func connect(_ crowd: LoadGeneratorGroup, _ services: RunServices) async throws {
        let wanted = settings.viewers
        progress.step(
            "connecting \(Format.grouped(wanted)) viewers to \(settings.streams) streams (\(plan.swarms) swarm processes)"
        )
        // Thousands connect in a second; a machine that is a hundred times slower has something else to tell.
        try await crowd.reach(.connected, atMost: .seconds(30 + wanted / 50)) {
            let (connected, failed) = ($0.connected, $0.failed)
            progress.update("  \(Format.grouped(connected)) connected, \(failed) failed")
        }
        let now = crowd.coordinator
        recorder.update {
            $0.connections = RunResult.Connections(
                wanted: wanted, connected: now.connected, failed: now.failed, seconds: now.connectSeconds)
        }
        guard now.connected > 0 else { throw Failure.unavailable("not one of \(wanted) viewers could connect") }
        _ = try await services.statistics(atMost: reportDelay) { $0.readerApis.totalActiveConnections >= now.connected }
        progress.step("  \(Format.grouped(now.connected)) connected in \(Format.decimal(now.connectSeconds, 2)) s")
    }

    private func publish(_ crowd: LoadGeneratorGroup) async throws {
        progress.step(
            "publishing \(Format.plain(settings.rate)) comments/s for \(Format.plain(settings.durationSeconds)) s")
        let start = ContinuousClock.now
        try await crowd.say(SwarmCoordinator.start)
        try await crowd.reach(
            .published, atMost: .seconds((settings.durationSeconds + settings.warmupSeconds) * 1.5 + 60)
        ) {
            let (acknowledged, delivered) = ($0.acknowledged, $0.delivered)
            let seconds = (ContinuousClock.now - start).seconds
            sample(RunResult.Sample(seconds: seconds, acknowledged: acknowledged, delivered: delivered))
            progress.update(
                "  \(Int(seconds)) s: \(Format.grouped(acknowledged)) acknowledged, \(Format.grouped(delivered)) delivered"
            )
        }
    }

    /// Keeps one a second.
    private func sample(_ sample: RunResult.Sample) {
        recorder.update { report in
            guard report.timeline.count < RunResult.samplesMax else { return }
            guard sample.seconds >= (report.timeline.last?.seconds ?? 0) + 1 else { return }
            report.timeline.append(sample)
        }
    }

    /// While everybody still watches: what the Readers hold and what Redis has done.
    private func measure(_ services: RunServices, _ crowd: LoadGeneratorGroup, before: RedisInfo) async throws {
        let after = try await RedisProbe(services.redis).info()
        let published = crowd.coordinator.published.values.reduce(0) { $0 + $1.acknowledged }
        _ = try await services.statistics(atMost: reportDelay) { $0.commentApi.totalCommentsPublished >= published }
        // What the Readers have sent of the last comments stands in their next report.
        try await Task.sleep(for: .seconds(settings.reportIntervalSeconds * 2))
        let answer = try await ServiceClient(services.statistics).statistics()
        try? answer.json.write(to: URL(fileURLWithPath: folders.report + "/statistics.json"))
        let prediction = SpreadOutcome.predicted(
            audience, placement: settings.placement, readers: services.readers.map(\.name))
        recorder.update {
            $0.spread = RunResult.Spread(answer.statistics.subscriptionSpread, predicted: prediction)
            $0.readers = RunResult.Reader.all(answer.statistics, predictedShare: prediction.spread)
            $0.map = SubscriptionMap(
                answer.statistics, title: "Channels of each Reader, placement \(settings.placement.rawValue)")
            $0.redis = RunResult.RedisFigures(before: before, after: after)
            $0.base.environment.redis = after["redis_version"]
        }
    }

    private func settle(_ crowd: LoadGeneratorGroup) async throws {
        progress.step("waiting until every viewer has everything")
        let whole = try await crowd.report()
        recorder.update { $0.swarm = whole }
    }

    /// Three report intervals, and some patience.
    private var reportDelay: Duration { .seconds(settings.reportIntervalSeconds * 3 + 2) }
}

extension RunResult.RedisFigures {
    init(before: RedisInfo, after: RedisInfo) {
        func number(_ info: RedisInfo, _ key: String) -> Double { info[key].flatMap { Double($0) } ?? 0 }
        func growth(_ key: String) -> Double { number(after, key) - number(before, key) }
        usedMemoryBytes = Int(number(after, "used_memory"))
        commandsWhilePublishing = Int(growth("total_commands_processed"))
        cpuSecondsWhilePublishing = growth("used_cpu_user") + growth("used_cpu_sys")
        subscribersCut = Int(growth("client_output_buffer_limit_disconnections"))
    }
}
