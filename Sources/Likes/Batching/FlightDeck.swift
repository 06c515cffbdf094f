import DequeModule
import Synchronization

/// Lets a few parts' calls be under way at a time, so that the others gather more likes meanwhile.
///
/// Redis works on one call at a time anyway; more of them under way only means that each carries less. Who waits comes
/// next in the order of asking.
final class FlightDeck: Sendable {
    private struct State {
        var free: Int
        /// One for each part at most.
        var waiting: Deque<CheckedContinuation<Void, Never>> = []
    }

    private let state: Mutex<State>

    /// - Parameter limit: calls at a time, 1 or more.
    init(limit: Int) {
        state = Mutex(State(free: max(1, limit)))
    }

    /// As many as keep Redis busy while answers are worked off.
    static func limit(parts: Int) -> Int { max(4, parts / 4) }

    /// Returns when there is room. Must be followed by ``leave()``, also after a cancellation.
    func enter() async {
        let hasRoom = state.withLock { state in
            guard state.free > 0 else { return false }
            state.free -= 1
            return true
        }
        if hasRoom { return }
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                // Somebody may have left in between.
                guard state.free == 0 else {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    func leave() {
        let next = state.withLock { state in
            let next = state.waiting.popFirst()
            if next == nil { state.free += 1 }
            return next
        }
        next?.resume()
    }
}
