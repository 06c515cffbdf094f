public import Broker
import Primitives
public import Wire

/// A ``Broker`` inside one process: the semantics of ``RedisBroker`` without Redis, deterministic, with outages on demand.
///
/// Calls from one task behave the same on every run. Messages reach the sinks before `publish` returns.
public final class InMemoryBroker: EventLog {
    struct State: Sendable {
        var store: InMemoryStore
        var acknowledged = AcknowledgedPositions()
        var isReachable = true
        var refusals: [BrokerError] = []
        var subscribers: [InMemorySubscriber] = []
    }

    private let countDelay: Duration
    private let state: Mutex<State>

    /// - Parameters:
    ///   - historyLength: the most entries kept of one channel, 1 or more.
    ///   - seed: decides the epochs.
    ///   - countDelay: how long ``subscriptionCounts(of:)`` takes.
    public init(historyLength: Int = 1000, seed: UInt64 = 1, countDelay: Duration = .zero) {
        self.countDelay = countDelay
        state = Mutex(State(store: InMemoryStore(historyLength: historyLength, seed: seed)))
    }

    public func publish(_ payload: [UInt8], to channel: Channel) async throws(BrokerError) -> Position {
        try publishNow(payload, to: channel)
    }

    /// ``publishOnce(_:to:unless:)`` for code that is not asynchronous.
    @discardableResult
    public func publishNow(
        _ payload: [UInt8], to channel: Channel, unless keys: [EventKey] = []
    ) throws(BrokerError) -> Position {
        switch try publish(payload, to: channel, named: nil, unless: { $0.find(keys, in: channel) }) {
        case .published(let position): position
        case .found(let event): event.position
        }
    }

    public func publish(
        _ payload: [UInt8], to channel: Channel, named name: String, unless others: [String]
    ) async throws(BrokerError) -> NamedPublication {
        try publish(payload, to: channel, named: name, unless: { $0.find(named: [name] + others, in: channel) })
    }

    private func publish(
        _ payload: [UInt8], to channel: Channel, named name: String?, unless find: (InMemoryStore) -> PlacedEvent?
    ) throws(BrokerError) -> NamedPublication {
        let publication = try reach { state -> NamedPublication in
            if let found = find(state.store) { return .found(found) }
            let (position, frame) = state.store.append(
                payload, to: channel, named: name, known: state.acknowledged[channel])
            state.acknowledged.acknowledged(position, in: channel)
            let message = BrokerMessage(channel: channel, position: position, frame: frame)
            for subscriber in state.subscribers { subscriber.offer(message) }
            return .published(position)
        }
        deliver()
        return publication
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
        try reach { state in
            let message = BrokerMessage(channel: channel, position: nil, frame: frame)
            for subscriber in state.subscribers { subscriber.offer(message) }
        }
        deliver()
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
        if countDelay > .zero { try? await Task.sleep(for: countDelay) }
        return try reach { state in
            channels.map { channel in state.subscribers.count { $0.subscribedChannels.contains(channel) } }
        }
    }

    public func subscribedChannelCount() async throws(BrokerError) -> Int {
        try reach { state in
            state.subscribers.reduce(into: Set<Channel>()) { $0.formUnion($1.subscribedChannels) }.count
        }
    }

    public var isReady: Bool { state.withLock { $0.isReachable } }

    public func makeSubscriber(_ sink: any SubscriptionSink) -> any BrokerSubscriber { makeInMemorySubscriber(sink) }

    /// As ``makeSubscriber(_:)``; the concrete type can also be started without a task.
    public func makeInMemorySubscriber(_ sink: any SubscriptionSink) -> InMemorySubscriber {
        InMemorySubscriber(sink: sink, broker: self)
    }

    /// `false`: every call throws `unavailable` and subscribers are cut; `true`: all come back.
    public func setReachable(_ reachable: Bool) {
        let changed = state.withLock { state in
            defer { state.isReachable = reachable }
            return state.isReachable != reachable ? state.subscribers : []
        }
        for subscriber in changed { subscriber.setConnected(reachable) }
        deliver()
    }

    /// The next calls throw these, one each.
    public func refuseNext(_ errors: [BrokerError]) { state.withLock { $0.refusals += errors } }

    /// - Returns: whether the subscriber is connected at once.
    fileprivate func attach(_ subscriber: InMemorySubscriber) -> Bool {
        state.withLock { state in
            state.subscribers.append(subscriber)
            return state.isReachable
        }
    }

    fileprivate func detach(_ subscriber: InMemorySubscriber) {
        state.withLock { $0.subscribers.removeAll { $0 === subscriber } }
    }

    private func deliver() {
        for subscriber in state.withLock({ $0.subscribers }) { subscriber.deliver() }
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

/// A subscriber of ``InMemoryBroker``: started by ``run()``, or by ``start()`` where there is no task.
public final class InMemorySubscriber: BrokerSubscriber {
    private enum Event: Sendable {
        case established
        case subscribed([Channel])
        case message(BrokerMessage)
        case lost([Channel])
    }

    private struct State {
        var isConnected = false
        var wanted: Set<Channel> = []
        var waiting: [Event] = []
        var isDelivering = false
    }

    private let sink: any SubscriptionSink
    private let broker: InMemoryBroker
    private let state = Mutex(State())

    fileprivate init(sink: any SubscriptionSink, broker: InMemoryBroker) {
        self.sink = sink
        self.broker = broker
    }

    @discardableResult
    public func subscribe(_ channels: [Channel]) -> Bool {
        state.withLock { state in
            state.wanted.formUnion(channels)
            if state.isConnected, !channels.isEmpty { state.waiting.append(.subscribed(channels)) }
        }
        deliver()
        return true
    }

    public func unsubscribe(_ channels: [Channel]) {
        state.withLock { $0.wanted.subtract(channels) }
    }

    public func run() async throws {
        start()
        let (forever, _) = AsyncStream<Never>.makeStream()
        for await _ in forever {}
        broker.detach(self)
        setConnected(false)
        deliver()
    }

    public func start() {
        if broker.attach(self) { setConnected(true) }
        deliver()
    }

    fileprivate var subscribedChannels: Set<Channel> { state.withLock { $0.isConnected ? $0.wanted : [] } }

    fileprivate func offer(_ message: BrokerMessage) {
        state.withLock { state in
            if state.isConnected, state.wanted.contains(message.channel) { state.waiting.append(.message(message)) }
        }
    }

    fileprivate func setConnected(_ isConnected: Bool) {
        state.withLock { state in
            state.isConnected = isConnected
            state.waiting = isConnected ? state.waiting + [.established] : [.lost(state.wanted.sorted())]
            if isConnected, !state.wanted.isEmpty { state.waiting.append(.subscribed(state.wanted.sorted())) }
        }
    }

    /// Calls the sink with what waits, one caller at a time, so that a sink that calls back does not break the order.
    fileprivate func deliver() {
        while let events = takeWaiting() {
            for event in events {
                switch event {
                case .established: sink.connectionEstablished()
                case .subscribed(let channels): sink.subscribed(channels)
                case .message(let message): sink.received([message])
                case .lost(let channels): sink.lost(channels, isConnected: false)
                }
            }
            state.withLock { $0.isDelivering = false }
        }
    }

    private func takeWaiting() -> [Event]? {
        state.withLock { state in
            guard !state.isDelivering, !state.waiting.isEmpty else { return nil }
            state.isDelivering = true
            defer { state.waiting = [] }
            return state.waiting
        }
    }
}
