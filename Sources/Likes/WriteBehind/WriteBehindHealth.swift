import Primitives

/// Why changes do not reach the database at the moment, by task: for the log, which says it once, and for the probe.
public final class WriteBehindHealth: Sendable {
    private struct State {
        var troubles: [Int: String] = [:]
        var newer: [Int: Int] = [:]
    }

    private let state = Mutex(State())

    public init() {}

    /// `nil` while all is well.
    public var reason: String? {
        state.withLock { state in
            if let trouble = state.troubles.values.first { return "likes do not reach the database: \(trouble)" }
            return state.newer.values.contains { $0 > 0 } ? "changes of a newer release wait for a worker of it" : nil
        }
    }

    /// Whether it is another trouble than before.
    func begin(_ task: Int, _ trouble: String) -> Bool {
        state.withLock { $0.troubles.updateValue(trouble, forKey: task) != trouble }
    }

    /// Whether there was one.
    func end(_ task: Int) -> Bool { state.withLock { $0.troubles.removeValue(forKey: task) != nil } }

    func noteNewer(_ task: Int, _ count: Int) { state.withLock { $0.newer[task] = count } }
}
