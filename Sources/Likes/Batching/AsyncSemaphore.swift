import DequeModule
import Primitives

/// Lets a few tasks at a time go on; the others wait, and continue in the order of asking.
final class AsyncSemaphore: Sendable {
    private struct State {
        var free: Int
        /// One for each partition at most.
        var waiting: Deque<CheckedContinuation<Void, Never>> = []

        mutating func take() -> Bool {
            guard free > 0 else { return false }
            free -= 1
            return true
        }
    }

    private let state: Mutex<State>

    /// - Parameter limit: tasks at a time, 1 or more.
    init(limit: Int) {
        state = Mutex(State(free: max(1, limit)))
    }

    /// Returns when there is room. Must be followed by ``signal()``, also after a cancellation.
    func wait() async {
        if state.withLock({ $0.take() }) { return }
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                // Somebody may have left in between.
                if state.take() { return true }
                state.waiting.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    func signal() {
        let next = state.withLock { state in
            let next = state.waiting.popFirst()
            if next == nil { state.free += 1 }
            return next
        }
        next?.resume()
    }
}
