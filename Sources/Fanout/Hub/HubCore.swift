internal import Broker
internal import Wire

/// Everything that a Reader decides between the broker and its loops: admission, attaching, order, repair. A value
/// without locks, tasks, clocks and sockets; ``Hub`` carries out what it says, and so does the simulation.
struct HubCore<Chair> {
    struct Settings {
        var channels: HubState.Settings
        /// Connections, and connects that hold a ticket.
        var connectionsMax: Int
        /// A connect waits for the broker at most so long.
        var subscribeTimeoutNanoseconds: UInt64
    }

    var channels: HubState
    private(set) var waiters = WaitingRoom<Chair>()
    var isDraining = false
    private(set) var places = 0
    /// Orders for the subscriber, in the order in which they were made.
    private(set) var subscriptionOrders: [HubState.Order] = []
    private let settings: Settings
    private var nextLoop = 0
    private var nextResumption: ResumptionID = 0
    private var resumptions = ResumeQueue()

    init(settings: Settings) {
        self.settings = settings
        channels = HubState(settings: settings.channels)
    }

    /// Whether a connect would be refused.
    var isClosed: Bool { isDraining || places >= settings.connectionsMax }

    private var loops: Int { settings.channels.loops }

    mutating func takeSubscriptionOrders() -> [HubState.Order] {
        defer { subscriptionOrders = [] }
        return subscriptionOrders
    }

    /// Loops take turns.
    mutating func takeLoop() -> Int {
        defer { nextLoop = (nextLoop + 1) % loops }
        return nextLoop
    }

    private mutating func errands(_ orders: [HubState.Order], _ deliveries: Deliveries? = nil) -> Errands<Chair> {
        var errands = Errands<Chair>(deliveries: deliveries)
        for order in orders {
            switch order {
            case .subscribe, .unsubscribe: subscriptionOrders.append(order)
            case .locate(let reading): errands.locate.append(reading)
            case .repair(let reading): errands.repair.append(reading)
            case .snapshot(let channel): errands.snapshot.append(channel)
            case .admit(let waiter): answer(waiter, true, &errands)
            case .refuse(let waiter): answer(waiter, false, &errands)
            }
        }
        return errands
    }

    private mutating func answer(_ waiter: WaiterID, _ isAdmitted: Bool, _ errands: inout Errands<Chair>) {
        if let chair = waiters.call(waiter, isAdmitted: isAdmitted) { errands.answers.append((chair, isAdmitted)) }
    }
}

// MARK: - The broker

extension HubCore {
    mutating func connectionEstablished() { channels.connectionEstablished() }

    mutating func connectionLost() -> Errands<Chair> {
        var orders: [HubState.Order] = []
        channels.connectionLost(orders: &orders)
        return errands(orders)
    }

    mutating func subscribed(_ names: [Channel]) -> Errands<Chair> {
        var orders: [HubState.Order] = []
        for channel in names { channels.subscribed(channel, orders: &orders) }
        return errands(orders)
    }

    /// Messages in the order in which the broker sent them; all of them, or none when a loop has no room.
    mutating func received(_ messages: [BrokerMessage], room: Room) -> (errands: Errands<Chair>, isDeferred: Bool) {
        var bytes = 0
        for message in messages { bytes += message.frame.count }
        guard (0..<loops).allSatisfy({ room($0, bytes) }) else {
            channels.dropped(messages)
            return (Errands(), true)
        }
        var deliveries = Deliveries(loops: loops)
        var orders: [HubState.Order] = []
        for message in messages { channels.received(message, deliveries: &deliveries, orders: &orders) }
        return (errands(orders, deliveries), false)
    }

    mutating func located(_ answers: [(HubState.Reading, Position?)]) -> Errands<Chair> {
        var orders: [HubState.Order] = []
        for (reading, position) in answers { channels.located(reading, at: position, orders: &orders) }
        return errands(orders)
    }

    /// `nil`: the loops have no room for the page; the reading has to be asked for again, later.
    mutating func repaired(_ reading: HubState.Reading, with page: HistoryPage, room: Room) -> Errands<Chair>? {
        var deliveries = Deliveries(loops: loops)
        var orders: [HubState.Order] = []
        guard channels.repaired(reading, with: page, room: room, deliveries: &deliveries, orders: &orders) else {
            return nil
        }
        return errands(orders, deliveries)
    }

    /// Current states that were asked for.
    mutating func snapshot(_ states: [Channel: [UInt8]]) -> Errands<Chair> {
        var deliveries = Deliveries(loops: loops)
        for (channel, frame) in states {
            channels.snapshot(Frame(frame, kind: .state), of: channel, deliveries: &deliveries)
        }
        return Errands(deliveries: deliveries)
    }

    /// To be called some times a second. Connects whose time is over come with the errands.
    mutating func tick(now: UInt64) -> Errands<Chair> {
        var orders: [HubState.Order] = []
        channels.tick(now: now, orders: &orders)
        var errands = errands(orders)
        for chair in waiters.overdue(now: now) { errands.answers.append((chair, false)) }
        return errands
    }
}

// MARK: - Connects

extension HubCore {
    /// A connect wants the channels. Either refused, or it holds a place and its interest, and has to wait until each
    /// of the waiters was called; see ``sit(_:_:)``.
    mutating func join(
        _ wanted: [Channel], now: UInt64
    ) -> (result: Result<[WaiterID], HubRefusal>, errands: Errands<Chair>) {
        guard !isDraining else { return (.failure(.draining), Errands()) }
        guard places < settings.connectionsMax else { return (.failure(.tooManyConnections), Errands()) }
        var orders: [HubState.Order] = []
        var waiting: [WaiterID] = []
        places += 1
        for (index, channel) in wanted.enumerated() {
            let waiter = waiters.reserve(until: now + settings.subscribeTimeoutNanoseconds)
            let joining = channels.join(channel, waiter: waiter, orders: &orders)
            if joining == .waiting {
                waiting.append(waiter)
                continue
            }
            waiters.cancel(waiter)
            if joining == .ready { continue }
            release(wanted[..<index], waiters: waiting, now: now)
            return (.failure(joining == .tooManyChannels ? .tooManyChannels : .brokerUnavailable), errands(orders))
        }
        return (.success(waiting), errands(orders))
    }

    /// Waits for a call. The answer comes back when it was made before.
    mutating func sit(_ waiter: WaiterID, _ chair: Chair) -> Bool? { waiters.sit(waiter, chair) }

    /// A connect came to nothing: its place and its interest are given back.
    mutating func release(_ joined: some Sequence<Channel>, waiters cancelled: [WaiterID] = [], now: UInt64) {
        places -= 1
        for waiter in cancelled { waiters.cancel(waiter) }
        for channel in joined { channels.leave(channel, waiters: cancelled, now: now) }
    }

    /// Where a viewer was placed.
    struct Placed {
        let loop: Int
        let attachment: Attachment
    }

    /// A connect becomes a viewer on a loop; `nil` when its channels are gone, which a ticket prevents.
    mutating func attach(
        _ ticket: Ticket, descriptor: Int32, from point: ResumePoint, hello: [UInt8]
    ) -> (placed: Placed, errands: Errands<Chair>)? {
        let loop = takeLoop()
        var topics: [TopicID] = []
        var newest = Position.beginning
        var states: [(topic: TopicID, frame: Frame)] = []
        var orders: [HubState.Order] = []
        for (index, channel) in ticket.channels.enumerated() {
            guard let place = channels.attached(channel, loop: loop) else { continue }
            topics.append(place.topic)
            if index == 0 { newest = place.position }
            for frame in channels.states(of: channel, orders: &orders) { states.append((place.topic, frame)) }
        }
        guard !topics.isEmpty else { return nil }
        let start = Start(point, newest: newest)
        let resumption = start.resumesAfter.map { position -> Resumption in
            nextResumption += 1
            return Resumption(
                id: nextResumption, channel: ticket.channels[0], loop: loop, position: position, joinedAt: newest)
        }
        let attachment = Attachment(
            descriptor: descriptor, topics: topics, hello: start.chunk(hello: hello), resumption: resumption?.id,
            states: states)
        var errands = errands(orders)
        if let group = resumption.flatMap({ resumptions.add($0) }) { errands.resume.append(group) }
        return (Placed(loop: loop, attachment: attachment), errands)
    }

    /// A group of viewers got its history, or was given up.
    mutating func resumed(_ channel: Channel) -> Errands<Chair> {
        var errands = Errands<Chair>()
        if let group = resumptions.finished(channel) { errands.resume.append(group) }
        return errands
    }

    /// Viewers left a loop, or it refused to take them.
    mutating func departed(_ topics: [TopicID], loop: Int, now: UInt64) {
        channels.leave(topics: topics, loop: loop, now: now)
        places -= 1
    }
}
