import Broker
import Primitives
import Wire

/// A broker that fails on demand; everything else goes to the broker behind it.
final class FaultyBroker: EventLog {
    enum Fault: Sendable {
        /// The process died, or Redis was away, before anything was published.
        case notPublished
        /// The process died, or the answer was lost, after everything was published.
        case answerLost
        /// The same for a single comment.
        case singleAnswerLost
        /// What is to be published waits for as long as this is so.
        case held
    }

    private let inner: any EventLog
    private let state = Mutex<Fault?>(nil)

    init(_ inner: any EventLog) { self.inner = inner }

    func setFault(_ fault: Fault?) { state.withLock { $0 = fault } }

    func publish(contentsOf events: [StreamEvent]) async -> [Result<Position, BrokerError>] {
        while case .held = state.withLock({ $0 }) { try? await Task.sleep(for: .milliseconds(1)) }
        let fault = state.withLock { $0 }
        if case .notPublished = fault { return events.map { _ in .failure(BrokerError(.unavailable, "on demand")) } }
        let results = await inner.publish(contentsOf: events)
        if case .answerLost = fault { return events.map { _ in .failure(BrokerError(.timeout, "on demand")) } }
        return results
    }

    func publish(_ payload: [UInt8], to channel: Channel) async throws(BrokerError) -> Position {
        let position = try await inner.publish(payload, to: channel)
        if case .singleAnswerLost = state.withLock({ $0 }) { throw BrokerError(.timeout, "on demand") }
        return position
    }
    func publishOnce(_ payload: [UInt8], to channel: Channel, unless keys: [EventKey]) async throws(BrokerError)
        -> Position
    {
        try await inner.publishOnce(payload, to: channel, unless: keys)
    }
    func publish(
        _ payload: [UInt8], to channel: Channel, named name: String, unless others: [String]
    ) async throws(BrokerError) -> NamedPublication {
        let publication = try await inner.publish(payload, to: channel, named: name, unless: others)
        if case .singleAnswerLost = state.withLock({ $0 }) { throw BrokerError(.timeout, "on demand") }
        return publication
    }
    func publishState(_ frame: [UInt8], to channel: Channel) async throws(BrokerError) {
        try await inner.publishState(frame, to: channel)
    }
    func position(of channel: Channel) async throws(BrokerError) -> Position? { try await inner.position(of: channel) }
    func positions(of channels: [Channel]) async throws(BrokerError) -> [Position?] {
        try await inner.positions(of: channels)
    }
    func history(
        of channel: Channel, after: UInt64, through: UInt64?, limit: Int
    ) async throws(BrokerError) -> HistoryPage {
        try await inner.history(of: channel, after: after, through: through, limit: limit)
    }
    func latest(of channel: Channel, before: UInt64?, limit: Int) async throws(BrokerError) -> [PlacedEvent] {
        try await inner.latest(of: channel, before: before, limit: limit)
    }
    func find(_ key: EventKey, in channel: Channel) async throws(BrokerError) -> PlacedEvent? {
        try await inner.find(key, in: channel)
    }
    func remove(_ position: Position, from channel: Channel) async throws(BrokerError) -> Bool {
        try await inner.remove(position, from: channel)
    }
    func subscriptionCounts(of channels: [Channel]) async throws(BrokerError) -> [Int] {
        try await inner.subscriptionCounts(of: channels)
    }
    func subscribedChannelCount() async throws(BrokerError) -> Int { try await inner.subscribedChannelCount() }
    var isReady: Bool { inner.isReady }
    func makeSubscriber(_ sink: any SubscriptionSink) -> any BrokerSubscriber { inner.makeSubscriber(sink) }
}
