public import Broker
import Synchronization
public import Wire

/// A subscriber of ``InMemoryBroker``: started by ``run()``, or by ``start()`` where there is no task.
public final class InMemorySubscriber: BrokerSubscriber {
    /// The most messages that wait; at the limit the subscriber is cut, as Redis does with its output buffer.
    static let waitingMax = 1_000_000

    private enum Event: Sendable {
        case established
        case subscribed([Channel])
        case message(BrokerMessage)
        case lost
    }

    private struct State {
        var isStarted = false
        var isConnected = false
        var wanted: Set<Channel> = []
        var waiting: [Event] = []
        var isDelivering = false
    }

    private let sink: any SubscriptionSink
    private let deliversAtOnce: Bool
    private let attach: @Sendable (InMemorySubscriber) -> Bool
    private let detach: @Sendable (InMemorySubscriber) -> Void
    private let state = Mutex(State())

    init(
        sink: any SubscriptionSink, deliversAtOnce: Bool, attach: @escaping @Sendable (InMemorySubscriber) -> Bool,
        detach: @escaping @Sendable (InMemorySubscriber) -> Void
    ) {
        self.sink = sink
        self.deliversAtOnce = deliversAtOnce
        self.attach = attach
        self.detach = detach
    }

    @discardableResult
    public func subscribe(_ channels: [Channel]) -> Bool {
        state.withLock { state in
            state.wanted.formUnion(channels)
            if state.isConnected, !channels.isEmpty { state.waiting.append(.subscribed(channels)) }
        }
        if deliversAtOnce { deliver() }
        return true
    }

    public func unsubscribe(_ channels: [Channel]) {
        state.withLock { $0.wanted.subtract(channels) }
    }

    public func run() async throws {
        start()
        defer { stop() }
        let (forever, _) = AsyncStream<Never>.makeStream()
        for await _ in forever {}
    }

    /// Connects; does nothing when started already.
    public func start() {
        let isFirst = state.withLock { state in
            defer { state.isStarted = true }
            return !state.isStarted
        }
        guard isFirst else { return }
        if attach(self) { connect() }
        if deliversAtOnce { deliver() }
    }

    /// Disconnects for good.
    public func stop() {
        detach(self)
        disconnect()
        if deliversAtOnce { deliver() }
    }
}

// MARK: The broker's side

extension InMemorySubscriber {
    func isSubscribed(_ channel: Channel) -> Bool {
        state.withLock { $0.isConnected && $0.wanted.contains(channel) }
    }

    var subscribedChannels: Set<Channel> {
        state.withLock { $0.isConnected ? $0.wanted : [] }
    }

    func offer(_ message: BrokerMessage) {
        let isOver = state.withLock { state in
            guard state.isConnected, state.wanted.contains(message.channel) else { return false }
            guard state.waiting.count < Self.waitingMax else { return true }
            state.waiting.append(.message(message))
            return false
        }
        if isOver {
            disconnect()
            connect()
        }
    }

    func connect() {
        state.withLock { state in
            guard state.isStarted, !state.isConnected else { return }
            state.isConnected = true
            state.waiting.append(.established)
            if !state.wanted.isEmpty { state.waiting.append(.subscribed(state.wanted.sorted())) }
        }
    }

    func disconnect() {
        state.withLock { state in
            guard state.isConnected else { return }
            state.isConnected = false
            // Connected and cut before anybody looked: the sink hears of neither.
            let wasUnseen = state.waiting.contains { if case .established = $0 { true } else { false } }
            let hadLost = state.waiting.contains { if case .lost = $0 { true } else { false } }
            state.waiting.removeAll()
            if !wasUnseen || hadLost { state.waiting.append(.lost) }
        }
    }

    /// Hands over what waits, one caller at a time, so that a sink that calls back does not break the order.
    func deliver() {
        while let events = takeWaiting() {
            hand(events)
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

    private func hand(_ events: [Event]) {
        var batch: [BrokerMessage] = []
        func flush() {
            guard !batch.isEmpty else { return }
            sink.received(batch)
            batch.removeAll()
        }
        for event in events {
            if case .message(let message) = event {
                batch.append(message)
                continue
            }
            flush()
            switch event {
            case .established: sink.connectionEstablished()
            case .subscribed(let channels): sink.subscribed(channels)
            case .lost: sink.connectionLost()
            case .message: break
            }
        }
        flush()
    }
}
