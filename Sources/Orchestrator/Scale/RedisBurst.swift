import Foundation
import Primitives
import Testbed

/// Gives one Redis, or the masters of a cluster, as many publishes as they take, with the subscriptions of one
/// placement, and accounts for every byte.
struct RedisBurst: Sendable {
    let layout: ScaleLayout
    let servers: BurstServers
    let seconds: Double

    /// - Parameter subscribed: called when Redis has acknowledged every subscription.
    func run(subscribed: @escaping @Sendable () async throws -> Void = {}) async throws -> ScaleCase.Burst {
        let sinks = DiscardingSubscribers(layout, servers)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await Blocking.run { _ in try sinks.run() } }
            defer { sinks.stop() }
            try await Polling.until(atMost: .seconds(120), late: "Redis did not acknowledge all subscriptions") {
                sinks.bytesInAll == sinks.acknowledgementBytes
            }
            try await subscribed()
            return try await publish(sinks)
        }
    }

    private func publish(_ sinks: DiscardingSubscribers) async throws -> ScaleCase.Burst {
        let (layout, servers, seconds) = (layout, servers, seconds)
        let (before, cpuBefore) = (try await servers.figures(), ProcessUsage.own.cpuSeconds)
        let (publisher, outcome) = try await Blocking.run { isCancelled in
            var frames = ScaleFrames(layout.audience)
            let publisher = BurstPublisher(layout, servers, frames: &frames)
            let outcome = try publisher.run(seconds: seconds, isCancelled: isCancelled) {
                sinks.bytesInAll - sinks.acknowledgementBytes
            }
            return (publisher, outcome)
        }
        let expected = publisher.pushedBytes(outcome, in: layout.assignment)
        try await Polling.until(atMost: .seconds(30)) { sinks.bytesInAll - sinks.acknowledgementBytes == expected }
        let after = try await servers.figures()
        let messages = publisher.messages(outcome, in: layout.assignment)
        let nodes = servers.ports.indices.map { index in
            ScaleCase.Burst.Node(
                publishes: outcome.sent[index], messages: messages[index],
                cpuSeconds: after[index].cpuSeconds - before[index].cpuSeconds)
        }
        return ScaleCase.Burst(
            publishes: outcome.publishes, seconds: outcome.seconds, redisDeliveries: outcome.redisDeliveries,
            redisDeliveriesExpected: messages.reduce(0, +), redisCPUSeconds: nodes.reduce(0) { $0 + $1.cpuSeconds },
            bytes: sinks.bytesInAll - sinks.acknowledgementBytes, bytesExpected: expected,
            generatorCPUSeconds: ProcessUsage.own.cpuSeconds - cpuBefore, waits: outcome.waits,
            cut: zip(before, after).reduce(0) { $0 + $1.1.cut - $1.0.cut }, nodes: nodes)
    }
}
