import Foundation
import Glibc
import Primitives

/// One part of the running system: a server, a service or a generator. It keeps its name, address, data and log over all
/// its processes, however often it restarts. Every member that starts or ends one is for one caller at a time.
public final class Node: Sendable {
    public enum Role: String, Codable, Sendable {
        case redis, postgres, pooler, statistics, commentAPI = "comment-api", likeAPI = "like-api"
        case likeWorker = "like-worker", socialAPI = "social-api", reader, gateway, swarm, client
    }

    public let role: Role
    public let specification: ChildSpecification
    public let readiness: Readiness
    /// TCP port on 127.0.0.1; 0 for what does not listen.
    public let port: Int
    /// As clients are told: `http://…`, `redis://…`, `postgresql://…`.
    public let url: String
    /// Of its data, if it has any.
    public let directory: String?

    let supervisor: Supervisor
    private let state = Mutex(State())

    private struct State {
        var child: Child?
        var starts = 0
        var past = ProcessUsage()
        var paused = false
        var hasBeenReady = false
    }

    init(
        _ role: Role, _ specification: ChildSpecification, port: Int, url: String? = nil, directory: String? = nil,
        readiness: Readiness, _ supervisor: Supervisor
    ) {
        self.role = role
        self.specification = specification
        self.port = port
        self.url = url ?? "http://127.0.0.1:\(port)"
        self.directory = directory
        self.readiness = readiness
        self.supervisor = supervisor
    }

    public var name: String { specification.name }
    /// The process of now, or the last one.
    public var child: Child? { state.withLock { $0.child } }
    public var isRunning: Bool { child?.isRunning ?? false }
    /// Since its process started.
    var hasBeenReady: Bool { state.withLock { $0.hasBeenReady } }
    public var isPaused: Bool { state.withLock { $0.paused } }
    /// Processes so far.
    public var starts: Int { state.withLock { $0.starts } }
    /// All that its processes have logged.
    public var log: String { (try? String(contentsOfFile: specification.log, encoding: .utf8)) ?? "" }

    /// Processor time and memory of all its processes.
    public var usage: ProcessUsage {
        state.withLock { state in
            var usage = state.past
            if let child = state.child { usage.add(child.usage) }
            return usage
        }
    }

    /// Processor time of its process of now, asked anew; 0 when it does not run.
    public var cpuSeconds: Double { child?.pid.flatMap { ProcessUsage.sample(pid: $0)?.cpuSeconds } ?? 0 }

    /// Starts it, with the same program, environment and port as ever, and does not wait until it is ready.
    ///
    /// - Throws: ``Failure/died(_:)`` when the program cannot be run.
    func launch() async throws(Failure) {
        let child: Child
        do { child = try await supervisor.start(specification) } catch { throw .died(error) }
        state.withLock { state in
            if let before = state.child { state.past.add(before.usage) }
            state.child = child
            state.starts += 1
            state.paused = false
            state.hasBeenReady = false
        }
    }

    /// Starts it when it does not run, and waits until it is ready.
    public func start(within limit: Duration = .seconds(30)) async throws {
        try await launch()
        try await Node.waitUntilReady([self], within: limit)
    }

    /// Asks it to end, and waits; kills it after its grace.
    public func stop() async {
        if let child { await supervisor.stop(child) }
    }

    /// SIGKILL to it and all that descends from it, and waits.
    public func kill() async {
        if let child { await supervisor.kill(child) }
    }

    /// Stops it gently, starts it again on the same port, and waits until it is ready.
    public func restart(within limit: Duration = .seconds(30)) async throws {
        await stop()
        try await start(within: limit)
    }

    /// SIGSTOP: it holds its connections and does nothing.
    public func pause() {
        child?.signal(SIGSTOP, withDescendants: true)
        state.withLock { $0.paused = true }
    }

    /// SIGCONT.
    public func resume() {
        child?.signal(SIGCONT, withDescendants: true)
        state.withLock { $0.paused = false }
    }

    /// Deletes its data, for a server that comes back empty. Only while it does not run.
    public func forget() {
        guard !isRunning, let directory else { return }
        for file in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
            try? FileManager.default.removeItem(atPath: "\(directory)/\(file)")
        }
    }

    /// Waits for several at once.
    ///
    /// - Throws: ``Failure/unavailable(_:)`` naming those that are not ready in time, with the end of the first one's log;
    ///   ``Failure/died(_:)`` when one has ended.
    public static func waitUntilReady(_ nodes: [Node], within limit: Duration = .seconds(30)) async throws {
        let late = try await withThrowingTaskGroup(of: Node?.self) { group in
            for node in nodes {
                group.addTask {
                    let isReady = try await Polling.until(atMost: limit) {
                        if let child = node.child, let exit = child.exit {
                            throw Failure.died(ChildDeath(node.specification, exit))
                        }
                        guard await node.readiness.holds(node) else { return false }
                        node.state.withLock { $0.hasBeenReady = true }
                        return true
                    }
                    return isReady ? nil : node
                }
            }
            return try await group.reduce(into: [Node]()) { late, node in if let node { late.append(node) } }
        }
        guard let first = late.first else { return }
        let names = late.map(\.name).sorted().joined(separator: ", ")
        let tail = first.specification.logTail().map { "\n    \($0)" }.joined()
        throw Failure.unavailable(
            "not ready within \(limit.components.seconds) s: \(names). The end of \(first.specification.log):\(tail)")
    }
}
