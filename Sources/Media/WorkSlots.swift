import Primitives

/// So many at work at a time, and so many who wait; more are refused.
public final class WorkSlots: Sendable {
    private struct State {
        var running = 0
        var waiting: [CheckedContinuation<Bool, Never>] = []
        var refused = 0
    }

    private let runningMax: Int
    private let waitingMax: Int
    private let state = Mutex(State())

    public init(runningMax: Int, waitingMax: Int) {
        self.runningMax = runningMax
        self.waitingMax = waitingMax
    }

    public var waiting: Int { state.withLock { $0.waiting.count } }
    public var refused: Int { state.withLock { $0.refused } }

    /// Performs `work` when there is room; `nil` when too many wait.
    public func run<T: Sendable>(_ work: () async throws -> T) async rethrows -> T? {
        let isIn = await withCheckedContinuation { turn in
            let answer = state.withLock { state -> Bool? in
                if state.running < runningMax {
                    state.running += 1
                    return true
                }
                guard state.waiting.count < waitingMax else {
                    state.refused += 1
                    return false
                }
                state.waiting.append(turn)
                return nil
            }
            if let answer { turn.resume(returning: answer) }
        }
        guard isIn else { return nil }
        defer { leave() }
        return try await work()
    }

    /// Whoever waited longest takes the place.
    private func leave() {
        let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.running -= 1
            return nil
        }
        next?.resume(returning: true)
    }
}
