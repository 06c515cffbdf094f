internal import Broker
internal import Wire

/// What comes from the broker: its connection, acknowledgements, messages, and answers to queries.
extension ChannelRegistry {
    /// Messages of these channels may be missing, from here on. Without any connection nobody waits any longer.
    mutating func lost(_ channels: [Channel], isConnected: Bool, now: UInt64) {
        self.isConnected = isConnected
        if !isConnected { refusePending(.brokerUnavailable, now: now) { _ in true } }
        for channel in channels {
            guard let index = entries.index(forKey: channel) else { continue }
            let isPositioned = ![.subscribing, .positioning].contains(entries.values[index].phase)
            entries.values[index].phase = isPositioned ? .stale : .subscribing
            entries.values[index].forgetStates()
        }
    }

    /// The broker acknowledged a subscription. Every time: what was published before may have been missed.
    mutating func subscribed(_ channel: Channel) {
        switch entries[channel]?.phase {
        case .subscribing, .positioning: beginPositioning(channel)
        case .live, .stale, .repairing:
            beginRepair(channel)
            touch(channel)
        case nil: break
        }
    }

    /// Messages in the order in which the broker sent them; all of them, or none when a loop has no room. Then their
    /// channels are repaired at the next ``tick(now:)``.
    mutating func received(_ messages: [BrokerMessage], room: Room) -> (duplicates: Int, isDeferred: Bool) {
        var bytes = 0
        for message in messages { bytes += message.frame.count }
        guard loops.allSatisfy({ room($0, bytes) }) else {
            for message in messages where entries[message.channel] != nil { suspects.insert(message.channel) }
            return (0, true)
        }
        var duplicates = 0
        for message in messages where receive(message) == .duplicate { duplicates += 1 }
        return (duplicates, false)
    }

    private mutating func receive(_ message: BrokerMessage) -> Sequencer.Verdict? {
        guard let index = entries.index(forKey: message.channel) else { return nil }
        // Before the position is known nobody is attached, so nobody misses anything.
        guard entries.values[index].phase != .subscribing, entries.values[index].phase != .positioning else {
            if let position = message.position { entries.values[index].saw(position) }
            return nil
        }
        let verdict = entries.values[index].sequencer.received(message)
        switch verdict {
        case .deliver:
            let frame = Frame(message)
            if frame.kind == .state { entries.values[index].keep(frame) }
            deliver(frame, at: index)
        case .repair:
            entries.values[index].phase = .repairing
            actions.append(.readHistory(makeQuery(message.channel)))
        case .duplicate, .held: break
        }
        return verdict
    }

    // MARK: Positions

    private mutating func beginPositioning(_ channel: Channel) {
        entries[channel]?.beginPositioning()
        actions.append(.readPosition(makeQuery(channel)))
    }

    /// The position of a channel that was subscribed, or subscribed again.
    mutating func positioned(_ query: ChannelQuery, at position: Position?, room: Room) {
        if isCurrent(query, phase: .positioning) {
            begin(query, at: position)
        } else if isCurrent(query, phase: .repairing) {
            compare(query, with: position, room: room)
        }
    }

    /// Answer and messages come on two connections: what came meanwhile may lie beyond the answer, and does not come
    /// again. Nobody is attached yet, so the channel begins at whichever is newer.
    private mutating func begin(_ query: ChannelQuery, at position: Position?) {
        guard let newest = entries[query.channel]?.newest(position) else { return beginPositioning(query.channel) }
        entries[query.channel]?.sequencer = Sequencer(at: newest)
        becomeLive(query.channel)
    }

    private mutating func becomeLive(_ channel: Channel) {
        guard let entry = entries[channel] else { return }
        if entry.phase == .repairing, entry.states.isEmpty, entry.viewers > 0 { readStates(of: channel) }
        entries[channel]?.phase = .live
        entries[channel]?.waiters = []
        for waiter in entry.waiters { admit(waiter) }
    }

    // MARK: Repair

    /// Positions are read many at a time, histories one by one: after a reconnect of a Reader with many channels, something
    /// has happened in few of them.
    private mutating func beginRepair(_ channel: Channel) {
        entries[channel]?.sequencer.interrupted()
        entries[channel]?.phase = .repairing
        actions.append(.readPosition(makeQuery(channel)))
    }

    /// Where the position has not moved, the history after it holds nothing: a page of nothing says the same.
    private mutating func compare(_ query: ChannelQuery, with position: Position?, room: Room) {
        let known = entries[query.channel]?.sequencer.position
        let isSame = position == nil || position == known
        if isSame, repaired(query, with: HistoryPage(position: position, entries: []), room: room) { return }
        actions.append(.readHistory(query))
    }

    /// A channel whose history is being read waits: what was dropped may be newer than the page on its way.
    mutating func repairSuspects() {
        for channel in suspects {
            switch entries[channel]?.phase {
            case .live:
                suspects.remove(channel)
                beginRepair(channel)
            case nil: suspects.remove(channel)
            case .subscribing, .positioning, .stale, .repairing: break
            }
        }
    }

    /// A page of history after the sequencer's position. `false`: the loops have no room for it now and it was ignored;
    /// the query has to be repeated later.
    mutating func repaired(_ query: ChannelQuery, with page: HistoryPage, room: Room) -> Bool {
        guard isCurrent(query, phase: .repairing), let index = entries.index(forKey: query.channel) else { return true }
        let entry = entries.values[index]
        var sequencer = entry.sequencer
        let outcome = sequencer.repaired(with: page)
        let bytes = outcome.frames.reduce(0) { $0 + $1.bytes.count }
        let fits = loops.allSatisfy { entry.viewersByLoop[$0] == 0 || room($0, bytes) }
        guard outcome.frames.isEmpty || fits else { return false }
        entries.values[index].sequencer = sequencer
        for frame in outcome.frames { deliver(frame, at: index) }
        if outcome.readsAgain { actions.append(.readHistory(query)) } else { becomeLive(query.channel) }
        return true
    }

    // MARK: States

    /// Current states that were read. An event that came meanwhile is as new, or is followed by a newer one.
    mutating func snapshot(_ states: [Channel: [UInt8]]) {
        for (channel, bytes) in states {
            let frame = Frame(bytes, kind: .state)
            guard let index = entries.index(forKey: channel), entries.values[index].keepSnapshot(frame) else {
                continue
            }
            deliver(frame, at: index)
        }
    }

    // MARK: Queries

    private mutating func makeQuery(_ channel: Channel) -> ChannelQuery {
        lastQuery += 1
        entries[channel]?.query = lastQuery
        return ChannelQuery(channel: channel, number: lastQuery)
    }

    private func isCurrent(_ query: ChannelQuery, phase: ChannelEntry.Phase) -> Bool {
        entries[query.channel]?.phase == phase && entries[query.channel]?.query == query.number
    }

    /// Whether the answer is still wanted.
    func needs(_ query: ChannelQuery) -> Bool { isCurrent(query, phase: .positioning) || repairStart(of: query) != nil }

    /// Where the history has to be read from; `nil` when the answer is not wanted any more.
    func repairStart(of query: ChannelQuery) -> Position? {
        isCurrent(query, phase: .repairing) ? entries[query.channel]?.sequencer.position : nil
    }

    private var loops: Range<Int> { 0..<settings.loops }
}
