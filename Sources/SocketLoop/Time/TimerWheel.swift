/// What a timer says when it fires: a kind that its owner chose, and a value, often a packed ``SocketHandle``.
public struct TimerToken: Hashable, Sendable {
    public let kind: UInt32
    public let value: UInt64

    public init(kind: UInt32, value: UInt64) {
        self.kind = kind
        self.value = value
    }

    public init(kind: UInt32, socket: SocketHandle) {
        self.init(kind: kind, value: socket.packed)
    }

    /// The socket that the value names, for tokens that were made with one.
    public var socket: SocketHandle { SocketHandle(packed: value) }
}

/// Tens of thousands of deadlines: a ring of slots, one for each tick, each a plain list.
///
/// Setting is O(1); there is no cancelling: the owner checks a token when it fires (handles have generations). Deadlines beyond one turn of the ring wait in their slot for the right turn.
struct TimerWheel {
    struct Entry {
        var tick: UInt64
        var token: TimerToken
    }

    let tickNanoseconds: UInt64
    private var slots: [[Entry]]
    private var tick: UInt64
    private(set) var count = 0

    init(tickNanoseconds: UInt64 = 5_000_000, slots: Int = 4096, now: UInt64) {
        self.tickNanoseconds = tickNanoseconds
        self.slots = Array(repeating: [], count: slots)
        self.tick = now / tickNanoseconds
    }

    /// Fires `token` at the first tick at or after `deadline`, never in the tick that is being fired.
    mutating func schedule(_ token: TimerToken, at deadline: UInt64) {
        let wanted = (deadline + tickNanoseconds - 1) / tickNanoseconds
        let due = max(wanted, tick + 1)
        slots[Int(due % UInt64(slots.count))].append(Entry(tick: due, token: token))
        count += 1
    }

    /// Takes every token whose tick is at or before `now`, in the order of their ticks.
    mutating func expire(now: UInt64, into fired: inout [TimerToken]) {
        let last = now / tickNanoseconds
        guard last > tick else { return }
        if count == 0 {
            tick = last
            return
        }
        // After a long pause one turn of the ring sees every slot; more turns would see them again.
        var slotsLeft = slots.count
        while tick < last {
            tick += 1
            if slotsLeft == 0 {
                tick = last
                return
            }
            slotsLeft -= 1
            take(slot: Int(tick % UInt64(slots.count)), until: last, into: &fired)
        }
    }

    private mutating func take(slot: Int, until last: UInt64, into fired: inout [TimerToken]) {
        guard !slots[slot].isEmpty else { return }
        let before = fired.count
        var kept = 0
        for index in slots[slot].indices {
            let entry = slots[slot][index]
            if entry.tick <= last {
                fired.append(entry.token)
            } else {
                slots[slot][kept] = entry
                kept += 1
            }
        }
        // A slot is not used again for long: deadlines move through all of them, and each would keep its most.
        if kept == 0 { slots[slot] = [] } else { slots[slot].removeLast(slots[slot].count - kept) }
        count -= fired.count - before
    }

    /// Nanoseconds from `now` to the next deadline, at most one turn of the ring; `nil` when there is none.
    func nanosecondsToNext(now: UInt64) -> UInt64? {
        guard count > 0 else { return nil }
        for distance in 1...UInt64(slots.count) {
            let candidate = tick + distance
            if slots[Int(candidate % UInt64(slots.count))].contains(where: { $0.tick == candidate }) {
                let due = candidate * tickNanoseconds
                return due > now ? due - now : 0
            }
        }
        return UInt64(slots.count) * tickNanoseconds
    }
}
