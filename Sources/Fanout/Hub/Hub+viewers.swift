internal import Primitives
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
        let result = book.withLock { core in
            let (result, errands) = core.join(channels, now: MonotonicClock.now())
            carryOut(errands)
            return result
        }
        subscribeAsOrdered()
        let waiting = try result.get()
        for waiter in waiting {
            guard await wait(waiter) else {
                book.withLock { $0.release(channels, waiters: waiting, now: MonotonicClock.now()) }
                throw .brokerUnavailable
            }
        }
        return Ticket(channels: channels)
    }

    private func wait(_ waiter: WaiterID) async -> Bool {
        await withCheckedContinuation { continuation in
            let answer = book.withLock { $0.sit(waiter, continuation) }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    /// Gives a ticket back: the connect came to nothing.
    public func release(_ ticket: Ticket) {
        book.withLock { $0.release(ticket.channels, now: MonotonicClock.now()) }
    }

    /// Hands a connected socket over; its response head is written, in chunked coding. From here on it is the hub's.
    ///
    /// - Parameters:
    ///   - descriptor: owned by the hub from the call on, whatever happens.
    ///   - point: where the viewer says it was.
    ///   - hello: the first event's data; it gets the viewer's position as id.
    public func attach(descriptor: Int32, ticket: Ticket, from point: ResumePoint, hello: [UInt8]) {
        let now = MonotonicClock.now()
        book.withLock { core in
            let step = core.attach(ticket, descriptor: descriptor, from: point, hello: hello)
            guard let (placed, errands) = step else { return Descriptor.discard(descriptor) }
            let isTaken = loops[placed.loop].submit(.attach(placed.attachment))
            carryOut(errands)
            guard isTaken else {
                Descriptor.discard(descriptor)
                return core.departed(placed.attachment.topics, loop: placed.loop, now: now)
            }
            book.counters.add { counters in
                counters.connections += 1
                counters.connectionsTotal += 1
            }
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

    /// Viewers that hold a place: connected, or about to be.
    public var places: Int { book.withLock { $0.places } }

    /// Whether a viewer who comes now would be refused: the Reader stops, or has all the connections that it may have.
    public var isClosed: Bool { book.withLock { $0.isClosed } }
}
