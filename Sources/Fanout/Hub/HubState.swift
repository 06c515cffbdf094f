internal import Broker
internal import Wire

/// The hub's book: channels, who waits for them, what has to be asked of Redis. Pure; the hub carries out its orders.
struct HubState {
    /// What is to be done outside the lock.
    enum Order: Equatable {
        case subscribe(Channel)
        case unsubscribe(Channel)
        /// Read the newest position.
        case locate(Reading)
        /// Read the history after the position.
        case repair(Reading)
        /// Ask for the current states: a viewer has come and none is known.
        case snapshot(Channel)
        /// A connect may go on.
        case admit(WaiterID)
        /// A connect must be refused: Redis is away.
        case refuse(WaiterID)
    }

    /// A question to the broker about one channel.
    struct Reading: Hashable {
        let channel: Channel
        /// Of all readings of this Reader: a channel that is given up and joined again has no reading of before.
        let number: UInt64
    }

    struct Settings {
        var loops: Int
        var cooldownNanoseconds: UInt64
        var channelsMax: Int
        /// Kinds of channels of which somebody knows the current states.
        var stateKinds: Set<Channel.Kind> = []
    }

    private(set) var entries: [Channel: ChannelEntry] = [:]
    private(set) var isConnected = false
    /// Channels whose subscription or number of viewers changed since ``takeChanges()``.
    private var changed: Set<Channel> = []
    private var suspects: Set<Channel> = []
    private var channelByTopic: [Channel?] = []
    private var freeTopics: [TopicID] = []
    private var idle: [Channel: UInt64] = [:]
    private var lastReading: UInt64 = 0
    private let settings: Settings

    init(settings: Settings) {
        self.settings = settings
    }

    // MARK: Connects

    enum Joining: Equatable {
        /// The channel is live: go on.
        case ready
        case waiting
        case tooManyChannels
        case unavailable
    }

    /// A connect wants the channel. It holds its interest until ``attached`` or ``leave``.
    mutating func join(_ channel: Channel, waiter: WaiterID, orders: inout [Order]) -> Joining {
        guard isConnected else { return .unavailable }
        if entries[channel] == nil {
            guard entries.count < settings.channelsMax else { return .tooManyChannels }
            entries[channel] = ChannelEntry(topic: makeTopic(for: channel), loops: settings.loops)
            changed.insert(channel)
            orders.append(.subscribe(channel))
        }
        return entries[channel]?.join(waiter) { idle[channel] = nil } ?? .unavailable
    }

    /// A connect gave up, or a viewer left.
    mutating func leave(_ channel: Channel, waiters: [WaiterID] = [], loop: Int? = nil, now: UInt64) {
        guard var entry = entries[channel] else { return }
        entry.interest -= 1
        if !waiters.isEmpty { entry.waiters.removeAll { waiters.contains($0) } }
        if let loop {
            entry.viewersByLoop[loop] -= 1
            changed.insert(channel)
        }
        if entry.interest == 0 {
            entry.idleSince = now
            idle[channel] = now
        }
        entries[channel] = entry
    }

    mutating func leave(topics: [TopicID], loop: Int, now: UInt64) {
        for topic in topics {
            if let channel = channelByTopic[Int(topic)] { leave(channel, loop: loop, now: now) }
        }
    }

    /// The interest becomes a viewer on `loop`. Where the viewer starts comes back.
    mutating func attached(
        _ channel: Channel, viewers: Int = 1, loop: Int
    ) -> (topic: TopicID, position: Position)? {
        guard entries[channel] != nil else { return nil }
        entries[channel]?.interest += viewers - 1
        entries[channel]?.viewersByLoop[loop] += Int32(viewers)
        changed.insert(channel)
        return entries[channel].map { ($0.topic, $0.sequencer.position) }
    }

    // MARK: States

    /// What a viewer that was just attached is told of states, as far as it is known here.
    mutating func states(of channel: Channel, orders: inout [Order]) -> [Frame] {
        guard let entry = entries[channel] else { return [] }
        if entry.states.isEmpty { askForStates(of: channel, orders: &orders) }
        return entry.states
    }

    private func askForStates(of channel: Channel, orders: inout [Order]) {
        if settings.stateKinds.contains(channel.kind) { orders.append(.snapshot(channel)) }
    }

    /// A current state that was asked for. An event that came meanwhile is as new, or is followed by a newer one.
    mutating func snapshot(_ state: Frame, of channel: Channel, deliveries: inout Deliveries) {
        guard entries[channel]?.noteSnapshot(state) == true, let entry = entries[channel] else { return }
        deliveries.add(state, entry)
    }

    // MARK: Redis

    mutating func connectionEstablished() {
        isConnected = true
    }

    mutating func connectionLost(orders: inout [Order]) {
        isConnected = false
        for (channel, entry) in entries {
            for waiter in entry.waiters { orders.append(.refuse(waiter)) }
            entries[channel]?.waiters = []
            let wasLocated = entry.phase != .subscribing && entry.phase != .positioning
            entries[channel]?.phase = wasLocated ? .stale : .subscribing
            entries[channel]?.forgetStates()
        }
    }

    mutating func subscribed(_ channel: Channel, orders: inout [Order]) {
        guard let phase = entries[channel]?.phase else { return }
        switch phase {
        case .subscribing, .positioning:
            entries[channel]?.phase = .positioning
            entries[channel]?.heard = nil
            orders.append(.locate(beginReading(channel)))
        case .live, .stale, .repairing:
            beginRepair(channel, orders: &orders)
        }
    }

    private mutating func beginRepair(_ channel: Channel, orders: inout [Order]) {
        entries[channel]?.sequencer.interrupted()
        entries[channel]?.phase = .repairing
        orders.append(.repair(beginReading(channel)))
    }

    private mutating func beginReading(_ channel: Channel) -> Reading {
        lastReading += 1
        entries[channel]?.reading = lastReading
        return Reading(channel: channel, number: lastReading)
    }

    private func isCurrent(_ reading: Reading, phase: ChannelEntry.Phase) -> Bool {
        entries[reading.channel]?.phase == phase && entries[reading.channel]?.reading == reading.number
    }

    /// Where the history has to be read from; `nil` when nobody needs the answer any more.
    func start(of reading: Reading) -> Position? {
        isCurrent(reading, phase: .repairing) ? entries[reading.channel]?.sequencer.position : nil
    }

    func needs(_ reading: Reading) -> Bool {
        isCurrent(reading, phase: .repairing) || isCurrent(reading, phase: .positioning)
    }

    /// The position of a channel whose subscription is new.
    ///
    /// Answer and messages come on two connections: what was heard meanwhile may lie beyond the answer, and nobody
    /// says it again. Nobody is attached yet, so the channel begins at whichever is newer.
    mutating func located(_ reading: Reading, at position: Position?, orders: inout [Order]) {
        guard isCurrent(reading, phase: .positioning) else { return }
        let channel = reading.channel
        guard let newest = entries[channel]?.newest(position) else {
            entries[channel]?.heard = nil
            orders.append(.locate(beginReading(channel)))
            return
        }
        entries[channel]?.sequencer = Sequencer(at: newest)
        becomeLive(channel, orders: &orders)
    }

    private mutating func becomeLive(_ channel: Channel, orders: inout [Order]) {
        if let entry = entries[channel], entry.phase == .repairing, entry.states.isEmpty, entry.viewers > 0 {
            askForStates(of: channel, orders: &orders)
        }
        entries[channel]?.phase = .live
        for waiter in entries[channel]?.waiters ?? [] { orders.append(.admit(waiter)) }
        entries[channel]?.waiters = []
    }

    /// One message. What is to be passed on goes into `deliveries`, one list a loop.
    mutating func received(_ message: BrokerMessage, deliveries: inout Deliveries, orders: inout [Order]) {
        guard let index = entries.index(forKey: message.channel) else { return }
        // Before the position is known nobody is attached, so nobody is owed anything.
        guard entries.values[index].phase != .subscribing, entries.values[index].phase != .positioning else {
            if let position = message.position { entries.values[index].hear(position) }
            return
        }
        switch entries.values[index].sequencer.received(message) {
        case .deliver:
            let frame = Frame(message)
            if frame.kind == .state { entries.values[index].note(frame) }
            deliveries.add(frame, entries.values[index])
        case .duplicate: deliveries.duplicates += 1
        case .held: break
        case .repair:
            entries.values[index].phase = .repairing
            orders.append(.repair(beginReading(message.channel)))
        }
    }

    /// A page of history after the sequencer's position. `false`: the loops have no room for it now, and it was not
    /// taken; it has to be asked for again, later.
    @discardableResult
    mutating func repaired(
        _ reading: Reading, with page: HistoryPage, room: Room = { _, _ in true }, deliveries: inout Deliveries,
        orders: inout [Order]
    ) -> Bool {
        let channel = reading.channel
        guard isCurrent(reading, phase: .repairing), var entry = entries[channel] else { return true }
        let outcome = entry.sequencer.repaired(with: page)
        var own = Deliveries(loops: settings.loops)
        for frame in outcome.frames { own.add(frame, entry) }
        guard own.fit(room) else { return false }
        entries[channel] = entry
        deliveries.add(own)
        if outcome.readsAgain { orders.append(.repair(reading)) } else { becomeLive(channel, orders: &orders) }
        return true
    }

    /// Messages had to be dropped unread: their channels are repaired at the next ``tick``.
    mutating func dropped(_ messages: [BrokerMessage]) {
        for message in messages where entries[message.channel] != nil { suspects.insert(message.channel) }
    }

    // MARK: Time

    mutating func tick(now: UInt64, orders: inout [Order]) {
        repairSuspects(orders: &orders)
        for (channel, since) in idle where now &- since >= settings.cooldownNanoseconds {
            idle[channel] = nil
            guard let entry = entries[channel], entry.interest == 0 else { continue }
            giveUp(channel, entry)
            orders.append(.unsubscribe(channel))
        }
    }

    /// A channel that is being read already waits for its turn: what was dropped may be newer than the page on its way.
    private mutating func repairSuspects(orders: inout [Order]) {
        for channel in suspects {
            switch entries[channel]?.phase {
            case .live:
                suspects.remove(channel)
                beginRepair(channel, orders: &orders)
            case nil: suspects.remove(channel)
            case .subscribing, .positioning, .stale, .repairing: break
            }
        }
    }

    private mutating func giveUp(_ channel: Channel, _ entry: ChannelEntry) {
        entries[channel] = nil
        changed.insert(channel)
        channelByTopic[Int(entry.topic)] = nil
        freeTopics.append(entry.topic)
    }

    // MARK: Reports

    /// Channels that changed, with their viewers; `nil` viewers: no longer subscribed.
    mutating func takeChanges() -> [Channel: Int?] {
        defer { changed = [] }
        return Dictionary(uniqueKeysWithValues: changed.map { ($0, entries[$0]?.viewers) })
    }

    private mutating func makeTopic(for channel: Channel) -> TopicID {
        if let topic = freeTopics.popLast() {
            channelByTopic[Int(topic)] = channel
            return topic
        }
        channelByTopic.append(channel)
        return TopicID(channelByTopic.count - 1)
    }
}

extension ChannelEntry {
    fileprivate mutating func join(_ waiter: WaiterID, revive: () -> Void) -> HubState.Joining {
        interest += 1
        idleSince = nil
        revive()
        guard !isReady else { return .ready }
        waiters.append(waiter)
        return .waiting
    }
}

/// Whether a loop can take so many bytes of frames now.
typealias Room = (_ loop: Int, _ bytes: Int) -> Bool

/// Frames on their way to the loops.
struct Deliveries {
    private(set) var byLoop: [[(topic: TopicID, frame: Frame)]]
    private(set) var bytes: [Int]
    var duplicates = 0

    init(loops: Int) {
        byLoop = Array(repeating: [], count: loops)
        bytes = Array(repeating: 0, count: loops)
    }

    mutating func add(_ frame: Frame, _ entry: ChannelEntry) {
        for loop in byLoop.indices where entry.viewersByLoop[loop] > 0 {
            byLoop[loop].append((entry.topic, frame))
            bytes[loop] += frame.bytes.count
        }
    }

    mutating func add(_ others: Deliveries) {
        for loop in byLoop.indices {
            byLoop[loop] += others.byLoop[loop]
            bytes[loop] += others.bytes[loop]
        }
    }

    func fit(_ room: Room) -> Bool {
        bytes.indices.allSatisfy { byLoop[$0].isEmpty || room($0, bytes[$0]) }
    }
}
