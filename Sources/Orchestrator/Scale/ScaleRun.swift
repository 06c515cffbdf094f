import Audience
import Foundation
import Placement
import Primitives
import RedisNIO
import Report
import Testbed

/// One case: a Redis of its own, its Readers, comments at a rate, and then as many as Redis takes.
struct ScaleRun: Sendable {
    let settings: ScaleSettings
    let layout: ScaleLayout
    let progress: Progress

    /// What was found, and where everybody was.
    func run(in testbed: Testbed) async throws -> (ScaleCase, ScaleLayout) {
        let start = ContinuousClock.now
        var result = makeCase()
        progress.step("\(result.name): start")
        let redis = try await testbed.startRedis(
            // A subscriber that lags is to be seen in the figures, not cut.
            RedisOptions(arguments: ["--client-output-buffer-limit", "pubsub 1gb 1gb 60"]),
            name: "redis-\(layout.placement.rawValue)-\(layout.readers.count)")
        let crowd = ScaleCrowd(try await startReaders(testbed, redis))
        let (measured, placed) = try await crowd.listening { [result] () async throws -> (ScaleCase, ScaleLayout) in
            var result = result
            let placed = try await place(crowd, redis, into: &result)
            try await pace(placed, crowd, redis, into: &result)
            return (result, placed)
        }
        result = measured
        await testbed.supervisor.stop(crowd.nodes.compactMap(\.child))
        for (index, node) in crowd.nodes.enumerated() {
            result.perReader[index].cpuSeconds = node.usage.cpuSeconds
            result.perReader[index].memoryPeakBytes = node.usage.memoryPeakBytes
        }
        try await burst(placed, redis, into: &result)
        await redis.stop()
        result.memoryBytes =
            result.perReader.reduce(0) { $0 + $1.memoryPeakBytes } + redis.usage.memoryPeakBytes
            + ProcessUsage.own.memoryPeakBytes
        result.seconds = (ContinuousClock.now - start).seconds
        return (result, placed)
    }

    private func makeCase() -> ScaleCase {
        var result = ScaleCase(
            placement: layout.placement, readers: layout.readers.count, formula: layout.formula, model: layout.simulated
        )
        result.perReader = layout.readers.map { ScaleCase.Reader(name: $0) }
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

    /// Lets everybody arrive, and looks on; returns where they are then.
    private func place(_ crowd: ScaleCrowd, _ redis: Node, into result: inout ScaleCase) async throws
        -> ScaleLayout
    {
        let ready = try await crowd.ready(atMost: .seconds(120))
        guard ready.allSatisfy({ $0.readers == layout.readers.count }) else {
            throw Failure.unavailable("not every Reader knows all others")
        }
        let probe = RedisProbe(redis)
        let before = try await probe.figures()
        let total = layout.audience.total
        progress.step("  \(Format.grouped(total)) viewers arrive in \(Format.plain(settings.arrival)) s")
        let start = ContinuousClock.now
        try await crowd.place()
        var counts: [ScaleReaderMessage.Counts] = []
        // As long as they arrive, and then until those who were sent on are there.
        let all = try await Polling.wait(
            atMost: .seconds(settings.arrival + 240), every: .milliseconds(500),
            late: "not all viewers had a place in time; see the Readers' logs"
        ) { () async throws -> [ScaleReaderMessage.Placed]? in
            counts = try await crowd.counts()
            result.arriving.append(
                .init(seconds: (ContinuousClock.now - start).seconds, viewers: counts.map(\.viewers)))
            let placed = crowd.placed
            let refused = placed.reduce(0) { $0 + $1.refused }
            let isWhole = counts.reduce(refused) { $0 + $1.viewers } == total
            return placed.count == layout.readers.count && isWhole ? placed : nil
        }
        let placed = layout.measured(try await crowd.channels(atMost: .seconds(120)))
        let clients = RedisSubscribers(try await probe.send(RedisCommand("CLIENT", "LIST")).text ?? "")
        let after = try await probe.figures()
        for (index, name) in layout.readers.enumerated() {
            result.perReader[index].subscriptions = clients.subscriptions(of: name)
            result.perReader[index].subscriptionsExpected = placed.assignment.subscriptions[index]
            result.perReader[index].viewers = counts[index].viewers
            result.perReader[index].viewersExpected = placed.assignment.loads[index]
        }
        result.subscribing = ScaleCase.Subscribing(
            subscriptions: result.perReader.reduce(0) { $0 + $1.subscriptions },
            channels: after.channels - layout.readers.count,
            seconds: (ContinuousClock.now - start).seconds, redisMemoryBytes: after.memoryBytes - before.memoryBytes,
            refused: all.reduce(0) { $0 + $1.refused },
            redirects: counts.reduce(0) { $0 + $1.redirects })
        progress.step("  placed in \(Format.decimal(result.subscribing.seconds, 1)) s")
        return placed
    }

    // MARK: Comments at a rate

    private func pace(
        _ layout: ScaleLayout, _ crowd: ScaleCrowd, _ redis: Node, into result: inout ScaleCase
    ) async throws {
        let rate = Format.plain(settings.rate)
        progress.step("  \(rate) comments/s for \(Format.plain(settings.duration)) s")
        let probe = RedisProbe(redis)
        let before = try await probe.figures()
        let cpuBefore = readersCPU(crowd)
        let (paced, truth) = try await PacedPublisher(settings: settings, layout: layout, port: redis.port).run()
        let published = ContinuousClock.now
        result.paced = paced
        // The last messages are on their way.
        var counts = try await crowd.counts()
        try await Polling.until(atMost: .seconds(60)) {
            counts = try await crowd.counts()
            return counts.map(\.deliveries) == truth.deliveries
        }
        result.paced?.settleSeconds = (ContinuousClock.now - published).seconds
        result.paced?.latency = counts.reduce(into: LatencyHistogram()) { $0.merge($1.latency) }
        result.paced?.redisCPUSeconds = try await probe.figures().cpuSeconds - before.cpuSeconds
        result.paced?.readersCPUSeconds = readersCPU(crowd) - cpuBefore
        for index in layout.readers.indices {
            result.perReader[index].messages = counts[index].messages
            result.perReader[index].messagesExpected = truth.messages[index]
            result.perReader[index].deliveries = counts[index].deliveries
            result.perReader[index].deliveriesExpected = truth.deliveries[index]
        }
        progress.step("  \(Format.grouped(result.deliveries)) of \(Format.grouped(truth.deliveriesInAll)) deliveries")
    }

    private func readersCPU(_ crowd: ScaleCrowd) -> Double { crowd.nodes.reduce(0) { $0 + $1.cpuSeconds } }

    // MARK: As many as Redis takes

    private func burst(_ layout: ScaleLayout, _ redis: Node, into result: inout ScaleCase) async throws {
        progress.step("  as many comments as Redis takes for \(Format.plain(settings.burst)) s")
        let servers = BurstServers(ports: [redis.port])
        let burst = try await RedisBurst(layout: layout, servers: servers, seconds: settings.burst).run()
        result.burst = burst
        progress.step("  \(Format.grouped(Int(burst.perSecond))) comments/s; the limit was \(burst.limit)")
    }
}
