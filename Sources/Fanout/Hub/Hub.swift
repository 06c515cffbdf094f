public import Broker
public import Logging
internal import Primitives
internal import SocketLoop
internal import Synchronization
internal import Wire

/// Who watches what on this Reader, and the way of every event from the broker to their sockets.
///
/// The way of a connect: ``join(_:)`` (subscribes if nobody has yet, returns when the broker has acknowledged), then
/// ``attach(descriptor:ticket:from:hello:)``. The way of an event: subscriber → order and duplicates under one lock →
/// mailboxes of the loops that have viewers → one write per viewer and lap. Attaching takes the same lock, so that
/// between a viewer's first position and its first event nothing is missing.
public final class Hub: Sendable {
    public let settings: HubSettings
    let broker: any Broker
    let logger: Logger
    let book: HubBook
    let loops: [SocketLoop<FanoutHandler>]
    let locating = WorkLane<HubState.Reading>()
    let repairing = WorkLane<HubState.Reading>()
    let resuming = WorkLane<ResumeGroup>()
    let snapshotting = WorkLane<Channel>()
    let states: (any StateSource)?
    private let subscriber = Mutex<(any BrokerSubscriber)?>(nil)

    /// - Parameter states: knows the current states of channels, for viewers who come; `nil`: they wait for an event.
    public init(
        settings: HubSettings, broker: any Broker, logger: Logger, states: (any StateSource)? = nil
    ) throws {
        self.settings = settings
        self.states = states
        self.broker = broker
        self.logger = logger
        let book = HubBook(
            settings: .init(
                channels: .init(
                    loops: settings.loops, cooldownNanoseconds: settings.unsubscribeDelay.nanoseconds,
                    channelsMax: settings.channelsMax, stateKinds: states?.kinds ?? []),
                connectionsMax: settings.connectionsMax,
                subscribeTimeoutNanoseconds: settings.subscribeTimeout.nanoseconds))
        self.book = book
        self.loops = try (0..<settings.loops).map { index in try Hub.makeLoop(index, settings: settings, book: book) }
    }

    private static func makeLoop(
        _ index: Int, settings: HubSettings, book: HubBook
    ) throws -> SocketLoop<FanoutHandler> {
        let limits = Sockets.Limits(
            socketsMax: settings.connectionsMax, backlogBytesMax: settings.backlogBytes,
            sendBufferBytes: settings.sendBufferBytes)
        let hub = LoopHub<Sockets>.Settings(
            writesPerSlice: settings.writesPerSlice, flushIntervalNanoseconds: settings.flushInterval.nanoseconds,
            missedBytesMax: settings.loopBytesMax, pieceBytes: settings.pieceBytes)
        let desk = LoopDesk<Sockets>.Settings(
            hub: hub, heartbeatNanoseconds: settings.heartbeatInterval.nanoseconds,
            seed: UInt64.random(in: 1 ... .max))
        return try SocketLoop(
            settings: .init(
                name: "fanout-\(index)", limits: limits, mailboxWeightMax: settings.loopBytesMax, receiveBytes: 4096)
        ) { FanoutHandler(settings: desk) { book.loop(index, tells: $0) } }
    }

    public var counters: HubCounters.Snapshot { book.counters.snapshot }

    /// Whether new viewers are taken: connected to the broker, and not draining.
    public var isReady: Bool { book.withLock { $0.channels.isConnected && !$0.isDraining } }

    /// Part of the time that each loop has worked since the start, in nanoseconds.
    public var busyNanoseconds: [UInt64] { loops.map(\.busyTimeNanoseconds) }

    // MARK: Running

    /// Runs loops, subscriber and repairs until the task is cancelled; then every viewer is disconnected.
    public func run() async throws {
        let subscriber = broker.makeSubscriber(self)
        self.subscriber.withLock { $0 = subscriber }
        for loop in loops { loop.start() }
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await subscriber.run() }
                group.addTask { await self.locating.run(batchMax: 256) { await self.locate($0) } }
                group.addTask { await self.repairing.runEach(parallelMax: 64) { await self.repair($0) } }
                group.addTask { await self.resuming.runEach(parallelMax: 64) { await self.resume($0) } }
                group.addTask { await self.snapshotting.run(batchMax: 1024) { await self.snapshot($0) } }
                group.addTask { try await self.keepTime() }
                try await group.next()
                group.cancelAll()
            }
        } catch is CancellationError {}
        book.withLock { $0.isDraining = true }
        for loop in loops { await loop.stop() }
    }

    private func keepTime() async throws {
        while true {
            try await Task.sleep(for: .milliseconds(250))
            book.withLock { carryOut($0.tick(now: MonotonicClock.now())) }
            subscribeAsOrdered()
        }
    }

    /// Frames are handed to loops with the book's lock held, so room that was seen under it is still there. What a loop
    /// that is behind does not take is read from the history when it has caught up.
    func room(_ loop: Int, _ bytes: Int) -> Bool { loops[loop].hasRoom(for: bytes) }

    // MARK: Errands

    /// Tells the subscriber what the core ordered, in its order, whoever comes first.
    func subscribeAsOrdered() {
        while case let orders = book.takeSubscriptionOrders(), !orders.isEmpty {
            let subscriber = subscriber.withLock { $0 }
            for order in orders {
                switch order {
                case .subscribe(let channel): subscriber?.subscribe([channel])
                case .unsubscribe(let channel): subscriber?.unsubscribe([channel])
                default: break
                }
            }
            book.subscriberWasTold()
        }
    }

    /// Called with the book's lock held: the order of frames is the order of the lock. Resuming a continuation only
    /// schedules its task.
    func carryOut(_ errands: Errands<CheckedContinuation<Bool, Never>>) {
        if let deliveries = errands.deliveries { send(deliveries) }
        for reading in errands.locate { locating.add(reading) }
        for reading in errands.repair { repairing.add(reading) }
        for channel in errands.snapshot { snapshotting.add(channel) }
        for group in errands.resume { resuming.add(group) }
        for answer in errands.answers { answer.chair.resume(returning: answer.isAdmitted) }
    }

    /// The core counts them as passed on, so no loop may refuse them: it has asked ``room(_:_:)``.
    private func send(_ deliveries: Deliveries) {
        for (index, entries) in deliveries.byLoop.enumerated() where !entries.isEmpty {
            loops[index].submit(.append(entries), weight: deliveries.bytes[index], hasRoom: true)
        }
    }
}
