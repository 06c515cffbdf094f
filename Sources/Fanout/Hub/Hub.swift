public import Broker
public import Logging
internal import Primitives
internal import SocketIO
internal import SocketLoop
public import Wire

internal import struct Synchronization.Atomic

/// Who watches what on this Reader, and the way of every event from the broker to the viewers' sockets.
///
/// A connect: ``join(_:)`` (subscribes if nobody has yet, returns when the broker has acknowledged), then
/// ``Reservation/attach(descriptor:from:hello:)``. An event: subscriber → ``ChannelRegistry`` under one lock → mailboxes of
/// the loops that have viewers → one write for each viewer and round. Attaching takes the same lock, so that nothing is
/// missing between a viewer's first position and its first event.
public final class Hub: Sendable {
    typealias Registry = ChannelRegistry<CheckedContinuation<HubRefusal?, Never>>
    typealias Loops = [SocketLoop<FanoutLoop<Sockets>>]

    private struct State {
        var registry: Registry
        var loops: Loops = []
    }

    public let settings: HubSettings
    let broker: any Broker
    let states: (any StateSource)?
    let sessionHandler: (any SessionHandler)?
    let logger: Logger
    private let state: Mutex<State>
    private let counts = Mutex(HubCounters())
    private let subscriptions = BatchWorker<(channel: Channel, isWanted: Bool)>(batchMax: 256)
    let positionQueries = BatchWorker<ChannelQuery>(batchMax: 512)
    let historyQueries = BatchWorker<ChannelQuery>(batchMax: 64)
    let stateQueries = BatchWorker<Channel>(batchMax: 1024)
    private let recoveries = BatchWorker<RecoveryGroup>(batchMax: 64)

    /// - Parameters:
    ///   - states: knows the current states of channels, for viewers who attach; `nil`: they wait for an event.
    ///   - sessionHandler: what clients of Socket.IO talk to; `nil`: nobody.
    public init(
        settings: HubSettings, broker: any Broker, logger: Logger, states: (any StateSource)? = nil,
        sessionHandler: (any SessionHandler)? = nil
    ) throws {
        self.settings = settings
        self.broker = broker
        self.states = states
        self.sessionHandler = sessionHandler
        self.logger = logger
        let registry = Registry(
            settings: .init(
                loops: settings.loops, connectionsMax: settings.connectionsMax, channelsMax: settings.channelsMax,
                cooldownNanoseconds: settings.unsubscribeDelay.nanoseconds,
                subscribeTimeoutNanoseconds: settings.subscribeTimeout.nanoseconds, stateKinds: states?.kinds ?? []))
        state = Mutex(State(registry: registry))
        let loops = try (0..<settings.loops).map { try makeLoop($0) }
        state.withLock { $0.loops = loops }
    }

    private func makeLoop(_ index: Int) throws -> SocketLoop<FanoutLoop<Sockets>> {
        let limits = Sockets.Limits(
            socketsMax: settings.connectionsMax, backlogBytesMax: settings.backlogBytes,
            sendBufferBytes: settings.sendBufferBytes)
        var loopSettings = FanoutLoopSettings(
            flushIntervalNanoseconds: settings.flushInterval.nanoseconds, historyBytesMax: settings.loopBytesMax,
            // Whoever takes a piece has room for live events too.
            pieceBytes: max(1, min(settings.backlogBytes / 2, 32 << 10)),
            heartbeatNanoseconds: settings.heartbeatInterval.nanoseconds,
            retryMillisecondsMax: settings.retryMillisecondsMax, sessions: settings.sessions,
            connectNanoseconds: settings.sessionConnectTimeout.nanoseconds, seed: .random(in: 1 ... .max))
        loopSettings.sessions.queuedBytesMax = settings.backlogBytes
        return try SocketLoop(
            settings: .init(
                name: "fanout-\(index)", limits: limits, mailboxWeightMax: settings.loopBytesMax, receiveBytes: 4096)
        ) { [settings, loopSettings, sessionHandler, unowned self] in
            // Unowned: a loop's thread runs only within `run()`, which holds the hub.
            FanoutLoop(
                settings: loopSettings, adopt: settings.adopt, wrote: settings.wrote, sessionHandler: sessionHandler
            ) {
                self.received($0, from: index)
            }
        }
    }

    // MARK: Running

    /// Runs loops, subscriber and queries until the task is cancelled; then every viewer is disconnected.
    public func run() async throws {
        let subscriber = broker.makeSubscriber(self)
        let loops = state.withLock { $0.loops }
        for loop in loops { loop.start() }
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await subscriber.run() }
                group.addTask { await self.runSubscriptions(subscriber) }
                group.addTask { _ = await self.positionQueries.run { await self.readPositions($0) } }
                group.addTask { await self.historyQueries.runEach(parallelMax: 64) { await self.readHistory($0) } }
                group.addTask { _ = await self.stateQueries.run { await self.readStates($0) } }
                group.addTask { await self.recoveries.runEach(parallelMax: 64) { await self.recover($0) } }
                group.addTask { try await self.runTimer() }
                try await group.next()
                group.cancelAll()
            }
        } catch is CancellationError {}
        step { $0.stop(now: MonotonicClock.now()) }
        for loop in loops { await loop.stop() }
    }

    /// Tells the subscriber what the registry decided, in that order, and outside of its lock.
    private func runSubscriptions(_ subscriber: any BrokerSubscriber) async {
        _ = await subscriptions.run { changes in
            for change in changes {
                if change.isWanted {
                    subscriber.subscribe([change.channel])
                } else {
                    subscriber.unsubscribe([change.channel])
                }
            }
        }
    }

    private func runTimer() async throws {
        while true {
            try await Task.sleep(for: .milliseconds(250))
            step { $0.tick(now: MonotonicClock.now()) }
        }
    }

    // MARK: Steps

    /// A step of the registry. Its actions are performed under the lock: the order of frames is the order of the steps.
    @discardableResult
    func step<Result: Sendable>(_ body: (inout Registry) -> Result) -> Result {
        step { registry, _ in body(&registry) }
    }

    /// Frames go to loops under the lock, so room that was seen in a step is still there when its frames are sent. What
    /// a loop that is behind has no room for is read from the history when it has caught up.
    @discardableResult
    func step<Result: Sendable>(_ body: (inout Registry, Room) -> Result) -> Result {
        state.withLock { state in
            let loops = state.loops
            let result = body(&state.registry) { loops[$0].hasRoom(for: $1) }
            for action in state.registry.takeActions() { perform(action, &state.registry, loops) }
            return result
        }
    }

    private func perform(_ action: Registry.Action, _ registry: inout Registry, _ loops: Loops) {
        switch action {
        case .deliver(let frames, let bytes, let loop):
            let gaps = frames.count { if case .notice = $0.frame.kind { true } else { false } }
            if gaps > 0 { count { $0.gaps += gaps } }
            // The registry counts them as delivered, so the loop may not refuse them.
            loops[loop].submit(.append(frames), weight: bytes, hasRoom: true)
        case .attach(let attachment, let loop):
            guard loops[loop].submit(.attach(attachment)) else {
                if attachment.subscription == nil { Descriptor.discard(attachment.descriptor) }
                let departure = LoopReport.Departure(attachment, reason: .refused)
                return registry.departed(departure, loop: loop, now: MonotonicClock.now())
            }
            count { counters in
                counters.connections += 1
                counters.connectionsTotal += 1
            }
        case .subscribe(let channel): subscriptions.submit((channel, true))
        case .unsubscribe(let channel): subscriptions.submit((channel, false))
        case .readPosition(let query): positionQueries.submit(query)
        case .readHistory(let query): historyQueries.submit(query)
        case .readStates(let channel): stateQueries.submit(channel)
        case .recover(let group): recoveries.submit(group)
        // Resuming a continuation only schedules its task.
        case .admit(let waiter): waiter.resume(returning: nil)
        case .refuse(let waiter, let refusal): waiter.resume(returning: refusal)
        }
    }

    /// Commands for viewers that recover.
    func submit(_ replies: [RecoveryGroup.Reply]) {
        state.withLock { state in
            for reply in replies { state.loops[reply.loop].submit(reply.command) }
        }
        let gaps = replies.count { reply in
            guard case .recover(_, let missed, _) = reply.command else { return false }
            return !missed.opening.isEmpty || !missed.closing.isEmpty
        }
        if gaps > 0 { count { $0.gaps += gaps } }
    }

    private func received(_ report: LoopReport, from loop: Int) {
        if !report.departures.isEmpty {
            let now = MonotonicClock.now()
            step { registry in
                for departure in report.departures { registry.departed(departure, loop: loop, now: now) }
            }
        }
        let now = MonotonicClock.now()
        count { $0.add(report, now: now) }
    }

    /// A command for the loop that has a session. `false`: the loop has stopped.
    @discardableResult
    func submit(_ command: SessionCommand, for session: SessionID) -> Bool {
        state.withLock { $0.loops[session.loop(of: $0.loops.count)].submit(.session(session, command)) }
    }

    func count(_ change: (inout HubCounters) -> Void) { counts.withLock { change(&$0) } }
}

// MARK: - The broker

extension Hub: SubscriptionSink {
    public func connectionEstablished() {
        step { $0.isConnected = true }
        logger.info("connected to the broker")
    }

    public func subscribed(_ channels: [Channel]) {
        step { registry in
            for channel in channels { registry.subscribed(channel) }
        }
    }

    public func received(_ messages: [BrokerMessage]) {
        var messages = messages
        let times = MessageTimes.measure(&messages)
        let (duplicates, isDeferred) = step { $0.received(messages, room: $1) }
        count { counters in
            let states = messages.count { $0.position == nil }
            counters.messagesReceived += messages.count - states
            counters.statesReceived += states
            for age in times { counters.receiveTimes.record(nanoseconds: age) }
            counters.duplicates += duplicates
            if isDeferred { counters.messagesDeferred += messages.count }
        }
    }

    public func lost(_ channels: [Channel], isConnected: Bool) {
        logger.warning(
            "a connection to the broker is lost",
            metadata: ["broker.channels": "\(channels.count)", "broker.is_connected": "\(isConnected)"])
        step { $0.lost(channels, isConnected: isConnected, now: MonotonicClock.now()) }
    }
}

// MARK: - Viewers

extension Hub {
    /// A reservation on the channels: subscribed, acknowledged, positioned. The first is the log that the viewer follows.
    /// Waits at most `subscribeTimeout`.
    public func join(_ channels: [Channel]) async throws(HubRefusal) -> Reservation {
        let refusal = await withCheckedContinuation { waiter in
            step { $0.join(channels, waiter: waiter, now: MonotonicClock.now()) }
        }
        guard let refusal else { return Reservation(hub: self, channels: channels) }
        count { $0.refusals[refusal, default: 0] += 1 }
        throw refusal
    }

    /// Takes no new viewers, and disconnects the present ones within `duration`: each gets `event: reconnect`. Only the
    /// first call does anything.
    public func drain(over duration: Duration) {
        let command = LoopCommand.drain(
            seconds: Double(duration.nanoseconds) / 1e9, retryMillisecondsMax: settings.retryMillisecondsMax)
        state.withLock { state in
            guard !state.registry.isDraining else { return }
            state.registry.isDraining = true
            for loop in state.loops { loop.submit(command) }
        }
    }

    public var counters: HubCounters { counts.withLock { $0 } }

    /// Whether new viewers are taken: connected to the broker, and not draining.
    public var isReady: Bool { step { $0.isConnected && !$0.isDraining } }

    /// Whether a connect would be refused: the Reader drains, or has all the connections that it may have.
    public var isClosed: Bool { step { $0.isClosed } }

    /// Connections, and connects that hold or wait for a reservation.
    public var places: Int { step { $0.places } }

    /// Channels that are subscribed now only for viewers whose place is another Reader.
    public var extraSubscriptions: Int { step { $0.extraSubscriptions } }

    /// Time that each loop has worked since the start, in nanoseconds.
    public var busyNanoseconds: [UInt64] { state.withLock { $0.loops.map(\.busyTimeNanoseconds) } }

    /// Channels whose subscription or number of viewers changed since the last call; `nil`: no longer subscribed.
    public func takeChanges() -> [Channel: Int?] { step { $0.takeChanges() } }

    /// Channels that viewers came to or left since the last call, with their viewers: for whoever counts them.
    public func takeTouched() -> [Channel: Int?] { step { $0.takeTouched() } }

    /// Channels with so many viewers or more, and their number.
    public func audience(atLeast viewersMin: Int) -> [(channel: String, viewers: Int)] {
        step { registry in
            registry.entries.compactMap { channel, entry in
                let viewers = entry.viewers
                return viewers >= viewersMin ? (channel.name, viewers) : nil
            }
        }
    }
}

/// A connect's place on its channels, until its socket is attached. It is released with its last reference, whatever
/// happens: the client goes away, the response is never written.
public final class Reservation: Sendable {
    private let hub: Hub
    private let channels: [Channel]
    private let isUsed = Atomic(false)

    init(hub: Hub, channels: [Channel]) {
        self.hub = hub
        self.channels = channels
    }

    deinit {
        guard !isUsed.load(ordering: .acquiring) else { return }
        hub.step { $0.release(channels, now: MonotonicClock.now()) }
    }

    /// Gives a connected socket to the hub; its response head is written. To be called once.
    ///
    /// - Parameters:
    ///   - descriptor: owned by the hub from the call on, whatever happens.
    ///   - start: where the viewer says it was.
    ///   - hello: the data of the first event; its id is the viewer's position.
    ///   - isDisplaced: whether another Reader is the viewer's place.
    ///   - isChunked: whether the head says that the body comes in chunks; else it ends with the connection.
    ///   - lease: what the viewer's right to watch depends on; `nil`: nothing.
    public func attach(
        descriptor: Int32, from start: StreamStart, hello: [UInt8], isDisplaced: Bool = false, isChunked: Bool = true,
        lease: ViewerLease? = nil
    ) {
        let isFirst = !isUsed.exchange(true, ordering: .acquiringAndReleasing)
        let retry = hub.settings.retryMilliseconds()
        let isAttached =
            isFirst
            && hub.step { registry in
                registry.attach(
                    channels, descriptor: descriptor, from: start, hello: hello, retryMilliseconds: retry,
                    isDisplaced: isDisplaced, isChunked: isChunked, lease: lease)
            }
        if !isAttached { Descriptor.discard(descriptor) }
    }

    /// Makes the reservation a subscription of a session of Socket.IO. To be called once.
    ///
    /// - Parameters:
    ///   - start: where the client says it was.
    ///   - ack: of the event that asked for it.
    public func subscribe(
        _ session: SessionID, from start: StreamStart, ack: UInt64?, isDisplaced: Bool = false
    ) {
        guard !isUsed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        let subscription = SessionSubscription(session: session, channels: channels, ack: ack)
        hub.step { registry in
            _ = registry.attach(
                channels, descriptor: -1, from: start, hello: [], retryMilliseconds: 0, isDisplaced: isDisplaced,
                subscription: subscription)
        }
    }
}
