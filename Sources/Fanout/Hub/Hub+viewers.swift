internal import SocketLoop
public import Wire

extension Hub {
    /// A place on the channels: subscribed, acknowledged, located. The first channel is the log that the viewer follows.
    ///
    /// Waits at most `subscribeTimeout`. The ticket has to be used up by ``attach(descriptor:ticket:from:hello:)`` or
    /// given back by ``release(_:)``.
    public func join(_ channels: [Channel]) async throws(HubRefusal) -> Ticket {
        do throws(HubRefusal) {
            return try await admit(channels)
        } catch {
            book.counters.add { $0.refusals[error, default: 0] += 1 }
            throw error
        }
    }

    private func admit(_ channels: [Channel]) async throws(HubRefusal) -> Ticket {
        let deadline = HubClock.now() + settings.subscribeTimeout.nanoseconds
        let (refusal, waiting) = book.withLock { state -> (HubRefusal?, [WaiterID]) in
            guard !state.isDraining else { return (.draining, []) }
            guard state.places < settings.connectionsMax else { return (.tooManyConnections, []) }
            state.places += 1
            return state.join(channels, until: deadline, self)
        }
        subscribeAsOrdered()
        if let refusal { throw refusal }
        let ticket = Ticket(channels: channels)
        for waiter in waiting {
            guard await wait(waiter) else {
                release(ticket, waiters: waiting)
                throw .brokerUnavailable
            }
        }
        return ticket
    }

    private func wait(_ waiter: WaiterID) async -> Bool {
        await withCheckedContinuation { continuation in
            let answer = book.withLock { $0.waiters.sit(waiter, continuation) }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    /// Gives a ticket back: the connect came to nothing.
    public func release(_ ticket: Ticket) {
        release(ticket, waiters: [])
    }

    private func release(_ ticket: Ticket, waiters: [WaiterID]) {
        let now = HubClock.now()
        book.withLock { state in
            state.places -= 1
            for waiter in waiters { state.waiters.cancel(waiter) }
            for channel in ticket.channels {
                state.channels.leave(channel, waiters: waiters, now: now)
            }
        }
    }

    /// Hands a connected socket over; its response head is written, in chunked coding. From here on it is the hub's.
    ///
    /// - Parameters:
    ///   - descriptor: owned by the hub from the call on, whatever happens.
    ///   - point: where the viewer says it was.
    ///   - hello: the first event's data; it gets the viewer's position as id.
    public func attach(descriptor: Int32, ticket: Ticket, from point: ResumePoint, hello: [UInt8]) {
        let now = HubClock.now()
        book.withLock { state in
            let loop = state.nextLoop % loops.count
            state.nextLoop = (state.nextLoop + 1) % loops.count
            var topics: [TopicID] = []
            var newest = Position.beginning
            var states: [(topic: TopicID, frame: Frame)] = []
            var orders: [HubState.Order] = []
            for (index, channel) in ticket.channels.enumerated() {
                guard let place = state.channels.attached(channel, loop: loop) else { continue }
                topics.append(place.topic)
                if index == 0 { newest = place.position }
                for frame in state.channels.states(of: channel, orders: &orders) { states.append((place.topic, frame)) }
            }
            guard !topics.isEmpty else { return Descriptor.discard(descriptor) }
            let start = Start(point, newest: newest)
            let resumption = start.resumesAfter.map { position -> Resumption in
                state.nextResumption += 1
                return Resumption(
                    id: state.nextResumption, channel: ticket.channels[0], loop: loop, position: position)
            }
            let attachment = Attachment(
                descriptor: descriptor, topics: topics, hello: start.chunk(hello: hello), resumption: resumption?.id,
                states: states)
            guard loops[loop].submit(.attach(attachment)) else {
                Descriptor.discard(descriptor)
                for topic in topics { state.channels.leave(topics: [topic], loop: loop, now: now) }
                state.places -= 1
                return
            }
            book.counters.add { counters in
                counters.connections += 1
                counters.connectionsTotal += 1
            }
            if let resumption { resuming.add(resumption) }
            state.take(orders, self)
        }
    }

    /// Takes no new viewers, and moves those it has elsewhere within `duration`: each is told `event: reconnect`, with
    /// a `retry:` of at most `retryMax`.
    public func drain(over duration: Duration, retryMax: Duration) {
        book.withLock { $0.isDraining = true }
        let seconds = Double(duration.nanoseconds) / 1e9
        let retry = Int(retryMax.nanoseconds / 1_000_000)
        for loop in loops { loop.submit(.drain(seconds: seconds, retryMillisecondsMax: max(retry, 1))) }
    }
}

extension HubBook.State {
    fileprivate mutating func join(
        _ wanted: [Channel], until deadline: UInt64, _ hub: Hub
    ) -> (HubRefusal?, [WaiterID]) {
        var orders: [HubState.Order] = []
        var waiting: [WaiterID] = []
        for (index, channel) in wanted.enumerated() {
            let waiter = waiters.reserve(until: deadline)
            let joining = channels.join(channel, waiter: waiter, orders: &orders)
            guard joining == .waiting else {
                waiters.cancel(waiter)
                if joining == .ready { continue }
                for earlier in wanted[..<index] { channels.leave(earlier, waiters: waiting, now: HubClock.now()) }
                for waiter in waiting { waiters.cancel(waiter) }
                places -= 1
                take(orders, hub)
                return (joining == .tooManyChannels ? .tooManyChannels : .brokerUnavailable, [])
            }
            waiting.append(waiter)
        }
        take(orders, hub)
        return (nil, waiting)
    }
}

extension Hub {
    /// Channels whose subscription or number of viewers changed since the last call; `nil`: no longer subscribed.
    public func takeChanges() -> [Channel: Int?] {
        book.withLock { $0.channels.takeChanges() }
    }

    /// Channels with so many viewers or more, and their number.
    public func audience(atLeast viewersMin: Int) -> [(channel: String, viewers: Int)] {
        book.withLock { state in
            state.channels.entries.compactMap { channel, entry in
                let viewers = entry.viewers
                return viewers >= viewersMin ? (channel.name, viewers) : nil
            }
        }
    }

    /// Whether a viewer who comes now would be refused: the Reader stops, or has all the connections that it may have.
    public var isClosed: Bool { book.withLock { $0.isDraining || $0.places >= settings.connectionsMax } }
}
