import Primitives

/// One part of the running system. It keeps its name, address and log over all its processes, however often it restarts.
final class Node: Sendable {
    enum Role: String, Codable, Sendable {
        case redis, postgres, statistics, commentAPI = "comment-api", likeAPI = "like-api", likeWorker = "like-worker"
        case reader, swarm, client
    }

    let role: Role
    let specification: ChildSpecification
    let readiness: Readiness
    /// TCP port on 127.0.0.1; `nil` for what does not listen.
    let port: Int?

    private let state = Mutex(State())

    private struct State {
        var child: Child?
        var starts = 0
        var past = ProcessUsage()
        var paused = false
    }

    init(role: Role, specification: ChildSpecification, port: Int?, readiness: Readiness) {
        self.role = role
        self.specification = specification
        self.port = port
        self.readiness = readiness
    }

    var name: String { specification.name }
    var url: String { "http://127.0.0.1:\(port ?? 0)" }
    /// The process of now, or the last one.
    var child: Child? { state.withLock { $0.child } }
    var isRunning: Bool { child?.isRunning ?? false }
    var isPaused: Bool { state.withLock { $0.paused } }
    /// Processes so far.
    var starts: Int { state.withLock { $0.starts } }

    /// Processor time and memory of all its processes.
    var usage: ProcessUsage {
        state.withLock { state in
            var usage = state.past
            if let child = state.child { usage.add(child.usage) }
            return usage
        }
    }

    func began(_ child: Child) {
        state.withLock { state in
            if let before = state.child { state.past.add(before.usage) }
            state.child = child
            state.starts += 1
            state.paused = false
        }
    }

    func paused(_ value: Bool) {
        state.withLock { $0.paused = value }
    }
}
