/// Connects that wait for their channels. Whoever is called before it sat down finds its answer on its chair.
///
/// A chair is what a waiting connect is woken by: a continuation, or a number in a simulation.
struct WaitingRoom<Chair> {
    private enum Seat {
        case called(isAdmitted: Bool)
        case empty(deadline: UInt64)
        case taken(Chair, deadline: UInt64)
    }

    private var seats: [WaiterID: Seat] = [:]
    private var nextID: WaiterID = 0

    var count: Int { seats.count }

    mutating func reserve(until deadline: UInt64) -> WaiterID {
        nextID += 1
        seats[nextID] = .empty(deadline: deadline)
        return nextID
    }

    mutating func cancel(_ waiter: WaiterID) {
        seats[waiter] = nil
    }

    /// Sits down. The answer comes back when the waiter was called before.
    mutating func sit(_ waiter: WaiterID, _ chair: Chair) -> Bool? {
        switch seats[waiter] {
        case .called(let isAdmitted):
            seats[waiter] = nil
            return isAdmitted
        case .empty(let deadline):
            seats[waiter] = .taken(chair, deadline: deadline)
            return nil
        case .taken, nil:
            return false
        }
    }

    /// Calls a waiter. Somebody who has sat down is returned, to be resumed outside the lock.
    mutating func call(_ waiter: WaiterID, isAdmitted: Bool) -> Chair? {
        switch seats[waiter] {
        case .taken(let chair, _):
            seats[waiter] = nil
            return chair
        case .empty:
            seats[waiter] = .called(isAdmitted: isAdmitted)
            return nil
        case .called, nil:
            return nil
        }
    }

    /// Everybody whose deadline has passed.
    mutating func overdue(now: UInt64) -> [Chair] {
        var late: [Chair] = []
        for (waiter, seat) in seats {
            guard case .taken(let chair, let deadline) = seat, deadline <= now else { continue }
            seats[waiter] = nil
            late.append(chair)
        }
        return late
    }
}
