public import Broker
import Synchronization
public import Wire

/// A ``Broker`` inside one process: the semantics of ``RedisBroker`` without Redis, deterministic, with faults on demand.
///
/// Calls from one task behave the same on every run. Messages reach the sinks before `publish` returns
/// (``Delivery/immediate``) or when the test says so (``Delivery/manual`` and ``deliver()``).
public final class InMemoryBroker: EventLog {
    public enum Delivery: Sendable {
        /// Within the call that caused it.
        case immediate
        /// Only by ``InMemoryBroker/deliver()``; until then it waits, as in a socket.
        case manual
    }

    struct State: Sendable {
        var store: InMemoryStore
        var isReachable = true
        var refusals: [BrokerError] = []
        var subscribers: [InMemorySubscriber] = []
    }

    private let delivery: Delivery
    private let state: Mutex<State>

    /// - Parameters:
    ///   - historyLength: the most entries kept of one channel, 1 or more.
    ///   - seed: decides the epochs.
    public init(historyLength: Int = 1000, seed: UInt64 = 1, delivery: Delivery = .immediate) {
        self.delivery = delivery
        self.state = Mutex(State(store: InMemoryStore(historyLength: historyLength, seed: seed)))
    }

    public func publish(_ payload: [UInt8], to channel: Channel) async throws(BrokerError) -> Position {
        try publishNow(payload, to: channel)
    }

    /// ``publishOnce(_:to:unless:)`` for code that is not asynchronous.
    @discardableResult
    public func publishNow(
        _ payload: [UInt8], to channel: Channel, unless keys: [EventKey] = []
    ) throws(BrokerError) -> Position {
        let position = try reach { state in
            if let found = state.store.find(keys, in: channel) { return found.position }
            let (position, frame) = state.store.append(payload, to: channel)
            let message = BrokerMessage(channel: channel, position: position, frame: frame)
            for subscriber in state.subscribers { subscriber.offer(message) }
            return position
        }
        if delivery == .immediate { deliver() }
        return position
    }

    public func publish(contentsOf events: [StreamEvent]) async -> [Result<Position, BrokerError>] {
        events.map { event in
            Result { () throws(BrokerError) in try publishNow(event.payload, to: event.channel) }
        }
    }

    public func publishOnce(
        _ payload: [UInt8], to channel: Channel, unless keys: [EventKey]
    ) async throws(BrokerError) -> Position {
        try publishNow(payload, to: channel, unless: keys)
    }

    public func publishState(_ frame: [UInt8], to channel: Channel) async throws(BrokerError) {
        try publishStateNow(frame, to: channel)
    }

    /// ``publishState(_:to:)`` for code that is not asynchronous.
    public func publishStateNow(_ frame: [UInt8], to channel: Channel) throws(BrokerError) {
        try reach { state in
            let message = BrokerMessage(channel: channel, position: nil, frame: frame)
            for subscriber in state.subscribers { subscriber.offer(message) }
        }
        if delivery == .immediate { deliver() }
    }

    public func position(of channel: Channel) async throws(BrokerError) -> Position? {
        try reach { $0.store.position(of: channel) }
    }

    public func positions(of channels: [Channel]) async throws(BrokerError) -> [Position?] {
        try reach { state in channels.map { state.store.position(of: $0) } }
    }

    public func history(
        of channel: Channel, after: UInt64, through: UInt64?, limit: Int
    ) async throws(BrokerError) -> HistoryPage {
        try historyNow(of: channel, after: after, through: through, limit: limit)
    }

    /// ``history(of:after:through:limit:)`` for code that is not asynchronous.
    public func historyNow(
        of channel: Channel, after: UInt64, through: UInt64?, limit: Int
    ) throws(BrokerError) -> HistoryPage {
        try reach { $0.store.history(of: channel, after: after, through: through, limit: limit) }
    }

    public func latest(
        of channel: Channel, before: UInt64?, limit: Int
    ) async throws(BrokerError) -> [PlacedEvent] {
        try reach { $0.store.latest(of: channel, before: before, limit: limit) }
    }

    public func find(_ key: EventKey, in channel: Channel) async throws(BrokerError) -> PlacedEvent? {
        try reach { $0.store.find([key], in: channel) }
    }

    @discardableResult
    public func remove(_ position: Position, from channel: Channel) async throws(BrokerError) -> Bool {
        try reach { $0.store.remove(position, from: channel) }
    }

    public func subscriptionCounts(of channels: [Channel]) async throws(BrokerError) -> [Int] {
        try reach { state in
            channels.map { channel in state.subscribers.count { $0.isSubscribed(channel) } }
        }
    }

    public func subscribedChannelCount() async throws(BrokerError) -> Int {
        try reach { state in
            state.subscribers.reduce(into: Set<Channel>()) { $0.formUnion($1.subscribedChannels) }.count
        }
    }

    public var isReady: Bool { state.withLock { $0.isReachable } }

    public func makeSubscriber(_ sink: any SubscriptionSink) -> any BrokerSubscriber {
        makeInMemorySubscriber(sink)
    }

    /// As ``makeSubscriber(_:)``; the concrete type can also be started and stopped without a task.
    public func makeInMemorySubscriber(_ sink: any SubscriptionSink) -> InMemorySubscriber {
        InMemorySubscriber(
            sink: sink, deliversAtOnce: delivery == .immediate,
            attach: { [weak self] subscriber in
                self?.state.withLock { state in
                    state.subscribers.append(subscriber)
                    return state.isReachable
                } ?? false
            },
            detach: { [weak self] subscriber in
                self?.state.withLock { $0.subscribers.removeAll { $0 === subscriber } }
            })
    }

    private func reach<Value: Sendable>(
        _ body: (inout sending State) throws(BrokerError) -> Value
    ) throws(BrokerError) -> Value {
        try state.withLock { state throws(BrokerError) in
            guard state.isReachable else { throw BrokerError(.unavailable, "unreachable on demand") }
            if !state.refusals.isEmpty { throw state.refusals.removeFirst() }
            return try body(&state)
        }
    }
}

// MARK: Steps and faults

extension InMemoryBroker {
    /// Hands everything that waits to the sinks, subscriber by subscriber in the order they were started.
    public func deliver() {
        for subscriber in subscribers { subscriber.deliver() }
    }

    /// Changes the stored data: ``InMemoryStore/restart(losing:)``, ``InMemoryStore/loseEverything()`` and so on.
    public func mutateStore(_ change: @Sendable (inout InMemoryStore) -> Void) {
        state.withLock { change(&$0.store) }
    }

    /// The next calls throw these, one each.
    public func refuseNext(_ errors: [BrokerError]) {
        state.withLock { $0.refusals += errors }
    }

    /// Cuts every subscriber, as `CLIENT KILL TYPE pubsub` does: what it had not read is lost, and it reconnects.
    public func cutSubscribers() {
        for subscriber in subscribers {
            subscriber.disconnect()
            subscriber.connect()
        }
        if delivery == .immediate { deliver() }
    }

    /// `false`: every call throws `unavailable` and subscribers are cut; `true`: all come back.
    public func setReachable(_ reachable: Bool) {
        let changed = state.withLock { state in
            defer { state.isReachable = reachable }
            return state.isReachable != reachable
        }
        guard changed else { return }
        for subscriber in subscribers { reachable ? subscriber.connect() : subscriber.disconnect() }
        if delivery == .immediate { deliver() }
    }

    private var subscribers: [InMemorySubscriber] { state.withLock { $0.subscribers } }
}
