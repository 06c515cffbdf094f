import Broker
import Logging
import Primitives
import Wire

/// Redis's own counts of the subscriptions, beside the reported ones.
///
/// 90,000 channels cost Redis some ten milliseconds. An answer is therefore used for a while, and one request at a time
/// asks Redis; the others get the previous answer.
final class RedisCounts: Sendable {
    struct Count: Equatable, Sendable {
        /// `PUBSUB NUMSUB`, summed over the channels asked for.
        var subscriptions: Int
        /// `PUBSUB CHANNELS`.
        var channels: Int
        /// `PUBSUB NUMSUB` of each channel that has a subscriber, by name.
        var byChannel: [String: Int] = [:]
    }

    private struct State {
        var last: Count?
        var askedAt: ContinuousClock.Instant?
        var isAsking = false
    }

    /// Channels in one call.
    static let batch = 4_096

    private let broker: any Broker
    private let logger: Logger
    private let timeout: Duration
    private let maxAge: Duration
    private let state = Mutex(State())

    init(
        broker: any Broker, logger: Logger, timeout: Duration = .seconds(2), maxAge: Duration = .milliseconds(200)
    ) {
        self.broker = broker
        self.logger = logger
        self.timeout = timeout
        self.maxAge = maxAge
    }

    /// `nil` when Redis is away or does not answer in time.
    ///
    /// - Parameter names: the channels; called only when Redis is asked.
    func count(_ names: () -> [String]) async -> Count? {
        let now = ContinuousClock.now
        let (isMine, known) = state.withLock { state in
            let isFresh = state.askedAt.map { now - $0 < maxAge } ?? false
            guard !state.isAsking, !isFresh else { return (false, state.last) }
            state.isAsking = true
            return (true, nil)
        }
        guard isMine else { return known }
        let count = await ask(names().compactMap { Channel(name: $0) })
        state.withLock { $0 = State(last: count, askedAt: .now, isAsking: false) }
        return count
    }

    private func ask(_ channels: [Channel]) async -> Count? {
        guard broker.isReady else { return nil }
        do {
            return try await withThrowingTaskGroup(of: Count.self) { group in
                group.addTask { try await self.askAll(channels) }
                group.addTask { [timeout] in
                    try await Task.sleep(for: timeout)
                    throw BrokerError(.timeout, "no count in time")
                }
                defer { group.cancelAll() }
                return try await group.next()
            }
        } catch {
            logger.debug("Redis's counts are not available", metadata: ["error": "\(error)"])
            return nil
        }
    }

    private func askAll(_ channels: [Channel]) async throws -> Count {
        var byChannel: [String: Int] = [:]
        for start in stride(from: 0, to: channels.count, by: Self.batch) {
            let part = Array(channels[start..<min(start + Self.batch, channels.count)])
            for (channel, count) in zip(part, try await broker.subscriptionCounts(of: part)) where count > 0 {
                byChannel[channel.name] = count
            }
        }
        return Count(
            subscriptions: byChannel.values.reduce(0, +), channels: try await broker.subscribedChannelCount(),
            byChannel: byChannel)
    }
}
