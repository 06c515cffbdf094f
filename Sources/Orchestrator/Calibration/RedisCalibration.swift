import Audience
import Broker
import Logging
import Placement
import Primitives
import RedisNIO
import Testbed
import Wire

/// What a publish, a delivery, a subscription and a kept comment cost a Redis.
struct RedisCalibration: Sendable {
    let seconds: Double
    let progress: Progress

    /// Channels that are published to.
    static let channels = 10_000
    /// Subscribers of each of them in the second measurement.
    static let readers = 10

    func run(in testbed: Testbed) async throws -> Calibration.Redis {
        var costs = Calibration.Redis()
        let one = try await measure(readers: 1, in: testbed)
        let many = try await measure(readers: RedisCalibration.readers, in: testbed)
        let size = Double(one.burst.publishes > 0 ? one.burst.bytes : 0) / Double(max(one.burst.redisDeliveries, 1))
        costs.processBytes = Double(one.memoryBefore)
        costs.deliveryBytes = size
        if let cpu = Costs.solve(one.cpu, many.cpu) { costs.deliveryCPUMicroseconds = cpu.b }
        if let memory = Costs.solve(one.memory, many.memory) { (costs.channelBytes, costs.subscriptionBytes) = memory }
        (costs.publishCPUMicroseconds, costs.historyBytes) = try await publishing(in: testbed)
        return costs
    }

    private struct Measurement {
        var burst: ScaleCase.Burst
        var channels: Int
        var subscriptions: Int
        var memoryBefore: Int
        var memoryAfter: Int

        /// µs of CPU as so many publishes and deliveries.
        var cpu: (x: Double, y: Double, cost: Double) {
            (Double(burst.publishes), Double(burst.redisDeliveries), burst.redisCPUSeconds * 1e6)
        }
        var memory: (x: Double, y: Double, cost: Double) {
            (Double(channels), Double(subscriptions), Double(memoryAfter - memoryBefore))
        }
    }

    /// Every channel on every one of so many Readers.
    private func measure(readers: Int, in testbed: Testbed) async throws -> Measurement {
        progress.step("Redis: publishes to \(readers) subscriber\(readers == 1 ? "" : "s")")
        let redis = try await testbed.startRedis(name: "redis-\(readers)")
        let probe = RedisProbe(redis)
        // 20 viewers for each Reader: no channel misses one by chance more often than once in a million.
        let viewers = RedisCalibration.channels * readers * (readers == 1 ? 1 : 20)
        let audience = try Audience(.uniform, channels: RedisCalibration.channels, viewers: viewers, seed: 1)
        let layout = ScaleLayout(audience, placement: .random, readers: readers)
        let before = try await probe.figures().memoryBytes
        let after = Locked(0)
        let servers = BurstServers(ports: [redis.port])
        let burst = try await RedisBurst(layout: layout, servers: servers, seconds: seconds).run {
            after.value = try await probe.figures().memoryBytes
        }
        await redis.stop()
        return Measurement(
            burst: burst, channels: RedisCalibration.channels, subscriptions: Int(layout.simulated.subscriptions),
            memoryBefore: before, memoryAfter: after.value)
    }

    /// The service's own publish, to channels that nobody subscribes: µs of CPU and bytes of a kept comment.
    private func publishing(in testbed: Testbed) async throws -> (Double, Double) {
        progress.step("Redis: publishes with history")
        let redis = try await testbed.startRedis(name: "redis-history")
        let probe = RedisProbe(redis)
        let broker = RedisBroker(
            endpoint: RedisEndpoint(host: "127.0.0.1", port: redis.port),
            logger: Logger(label: "redis", factory: { _ in SwiftLogNoOpLogHandler() }))
        let payload = [UInt8]("data: {\"comment\":\"\(String(repeating: "x", count: 168))\"}\n\n".utf8)
        // Few channels: a stream's own size is to vanish beside its entries.
        let events = (0..<512).compactMap { index in
            Channel.video("v\(index % 64)").map { StreamEvent(channel: $0, payload: payload) }
        }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await broker.run() }
            defer { group.cancelAll() }
            try await Polling.until(atMost: .seconds(10), late: "Redis took no connection") { broker.isReady }
            _ = await broker.publish(contentsOf: Array(events.prefix(64)))
            let before = try await probe.figures()
            var published = 0
            let end = ContinuousClock.now + .seconds(seconds)
            // Fewer than the history keeps, or its bytes would be those of what was trimmed.
            while ContinuousClock.now < end, published < 64 * 900 {
                for result in await broker.publish(contentsOf: events) { if case .success = result { published += 1 } }
            }
            let after = try await probe.figures()
            guard published > 0 else { throw Failure.unavailable("Redis took no publish") }
            return (
                (after.cpuSeconds - before.cpuSeconds) * 1e6 / Double(published),
                Double(after.memoryBytes - before.memoryBytes) / Double(published)
            )
        }
    }
}
