import Audience
import Foundation
import Placement
import RedisNIO
import Report
import Testbed

/// One case: a Redis of its own, its Readers, comments at a rate, and then as many as Redis takes.
struct ScaleRun: Sendable {
    let settings: ScaleSettings
    let layout: ScaleLayout
    let progress: Progress

    func run(in testbed: Testbed) async throws -> ScaleCase {
        let start = ContinuousClock.now
        var result = makeCase()
        progress.step("\(result.name): start")
        let redis = try await testbed.startRedis(
            // A subscriber that lags is to be seen in the figures, not cut.
            RedisOptions(arguments: ["--client-output-buffer-limit", "pubsub 1gb 1gb 60"]),
            name: "redis-\(layout.placement.rawValue)-\(layout.readers.count)")
        let crowd = ScaleCrowd(try await startReaders(testbed, redis))
        let measured = try await crowd.listening { [result] () async throws -> ScaleCase in
            var result = result
            try await subscribe(crowd, redis, into: &result)
            try await pace(crowd, redis, into: &result)
            return result
        }
        result = measured
        await testbed.supervisor.stop(crowd.nodes.compactMap(\.child))
        for (index, node) in crowd.nodes.enumerated() {
            result.perReader[index].cpuSeconds = node.usage.cpuSeconds
            result.perReader[index].memoryPeakBytes = node.usage.memoryPeakBytes
        }
        try await burst(redis, into: &result)
        await redis.stop()
        let own = ProcessUsage.sample(pid: ProcessInfo.processInfo.processIdentifier)?.memoryPeakBytes ?? 0
        result.memoryBytes =
            result.perReader.reduce(0) { $0 + $1.memoryPeakBytes } + redis.usage.memoryPeakBytes + own
        result.seconds = (ContinuousClock.now - start).seconds
        return result
    }

    private func makeCase() -> ScaleCase {
        var result = ScaleCase(
            placement: layout.placement, readers: layout.readers.count, formula: layout.formula, model: layout.outcome)
        result.perReader = layout.readers.enumerated().map { index, name in
            ScaleCase.Reader(
                name: name, subscriptionsExpected: layout.assignment.subscriptions[index],
                viewersExpected: layout.assignment.loads[index])
        }
        return result
    }

    // MARK: Readers

    private func startReaders(_ testbed: Testbed, _ redis: Node) async throws -> [Node] {
        var nodes: [Node] = []
        for (index, reader) in layout.readers.enumerated() {
            let name = "\(layout.placement.rawValue)-\(layout.readers.count)-\(reader)"
            let specification = ChildSpecification(
                name: name, executable: try testbed.binaries.own("Orchestrator"),
                arguments: ScaleReaderCommand.arguments(settings, layout, index: index, port: redis.port),
                log: testbed.folders.log(name), converses: true)
            nodes.append(
                try await testbed.add(.reader, specification))
        }
        return nodes
    }

    private func subscribe(_ crowd: ScaleCrowd, _ redis: Node, into result: inout ScaleCase) async throws {
        _ = try await crowd.ready(atMost: .seconds(120))
        let probe = RedisProbe(redis)
        let before = RedisFigures(try await probe.info())
        progress.step("  subscribing to \(Format.grouped(Int(result.model.subscriptions))) channels in all")
        let answers = try await crowd.subscribe(atMost: .seconds(240))
        let clients = RedisSubscribers(try await probe.clients())
        let after = RedisFigures(try await probe.info())
        let counts = try await crowd.counts()
        for (index, name) in layout.readers.enumerated() {
            result.perReader[index].subscriptions = clients.subscriptions(of: name)
            result.perReader[index].viewers = counts[index].viewers
        }
        result.subscribing = ScaleCase.Subscribing(
            subscriptions: result.perReader.reduce(0) { $0 + $1.subscriptions },
            channels: after.channels - layout.readers.count,
            seconds: answers.map(\.seconds).max() ?? 0, redisMemoryBytes: after.memoryBytes - before.memoryBytes,
            redisCPUSeconds: after.cpuSeconds - before.cpuSeconds, refused: answers.reduce(0) { $0 + $1.refused })
        progress.step("  subscribed in \(Format.decimal(result.subscribing.seconds, 1)) s")
    }

    // MARK: Comments at a rate

    private func pace(_ crowd: ScaleCrowd, _ redis: Node, into result: inout ScaleCase) async throws {
        let rate = Format.plain(settings.rate)
        progress.step("  \(rate) comments/s for \(Format.plain(settings.durationSeconds)) s")
        let probe = RedisProbe(redis)
        let before = RedisFigures(try await probe.info())
        let cpuBefore = readersCPU(crowd)
        let (paced, truth) = try await PacedPublisher(settings: settings, layout: layout, port: redis.port).run()
        let published = ContinuousClock.now
        result.paced = paced
        // The last messages are on their way.
        var counts = try await crowd.counts()
        _ = try await Polling.wait(atMost: .seconds(60), every: .milliseconds(20)) {
            counts = try await crowd.counts()
            return counts.map(\.deliveries) == truth.deliveries ? true : nil
        }
        result.paced?.settleSeconds = (ContinuousClock.now - published).seconds
        result.paced?.redisCPUSeconds = RedisFigures(try await probe.info()).cpuSeconds - before.cpuSeconds
        result.paced?.readersCPUSeconds = readersCPU(crowd) - cpuBefore
        for index in layout.readers.indices {
            result.perReader[index].messages = counts[index].messages
            result.perReader[index].messagesExpected = truth.messages[index]
            result.perReader[index].deliveries = counts[index].deliveries
            result.perReader[index].deliveriesExpected = truth.deliveries[index]
        }
        progress.step("  \(Format.grouped(result.deliveries)) of \(Format.grouped(truth.deliveriesInAll)) deliveries")
    }

    private func readersCPU(_ crowd: ScaleCrowd) -> Double {
        crowd.nodes.reduce(0) { sum, node in
            sum + (node.child?.pid.flatMap { ProcessUsage.sample(pid: $0)?.cpuSeconds } ?? 0)
        }
    }

    // MARK: As many as Redis takes

    private func burst(_ redis: Node, into result: inout ScaleCase) async throws {
        progress.step("  as many comments as Redis takes for \(Format.plain(settings.burstSeconds)) s")
        let burst = try await RedisBurst(layout: layout, port: redis.port, seconds: settings.burstSeconds).run()
        result.burst = burst
        progress.step("  \(Format.grouped(Int(burst.perSecond))) comments/s; the limit was \(burst.limit)")
    }
}
