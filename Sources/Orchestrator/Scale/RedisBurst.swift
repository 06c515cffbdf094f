import Foundation
import Testbed

/// Gives one Redis as many publishes as it takes, with the subscriptions of one placement, and accounts for every byte.
struct RedisBurst: Sendable {
    let layout: ScaleLayout
    let port: Int
    let seconds: Double

    /// - Parameter subscribed: called when Redis has acknowledged every subscription.
    func run(subscribed: @escaping @Sendable () async throws -> Void = {}) async throws -> ScaleCase.Burst {
        let (layout, port) = (layout, port)
        let sinks = DiscardingSubscribers(layout)
        let acknowledgements = sinks.acknowledgementBytes.reduce(0, +)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await Blocking.run { _ in try sinks.run(layout, port: port) } }
            defer { sinks.stop() }
            let all = try await Polling.wait(atMost: .seconds(120)) {
                sinks.bytesInAll == acknowledgements ? true : nil
            }
            guard all != nil else { throw Failure.unavailable("Redis did not acknowledge all subscriptions") }
            try await subscribed()
            return try await publish(sinks, acknowledgements)
        }
    }

    private func publish(_ sinks: DiscardingSubscribers, _ acknowledgements: Int) async throws -> ScaleCase.Burst {
        let (layout, port, seconds) = (layout, port, seconds)
        let probe = RedisProbe(port: port)
        let (before, cpuBefore) = (try await probe.figures(), RedisBurst.ownCPU())
        let (publisher, outcome) = try await Blocking.run { isCancelled in
            var frames = ScaleFrames(layout.audience)
            let publisher = BurstPublisher(layout, frames: &frames)
            let outcome = try publisher.run(port: port, seconds: seconds, isCancelled: isCancelled) {
                sinks.bytesInAll - acknowledgements
            }
            return (publisher, outcome)
        }
        let expected = publisher.pushedBytes(outcome)
        _ = try await Polling.wait(atMost: .seconds(30)) {
            sinks.bytesInAll - acknowledgements == expected ? true : nil
        }
        let after = try await probe.figures()
        return ScaleCase.Burst(
            publishes: outcome.publishes, seconds: outcome.seconds, redisDeliveries: outcome.redisDeliveries,
            redisDeliveriesExpected: publisher.truth(outcome, in: layout.assignment).messagesInAll,
            redisCPUSeconds: after.cpuSeconds - before.cpuSeconds, bytes: sinks.bytesInAll - acknowledgements,
            bytesExpected: expected, generatorCPUSeconds: RedisBurst.ownCPU() - cpuBefore, waits: outcome.waits,
            cut: after.cut - before.cut)
    }

    private static func ownCPU() -> Double {
        ProcessUsage.sample(pid: ProcessInfo.processInfo.processIdentifier)?.cpuSeconds ?? 0
    }
}
