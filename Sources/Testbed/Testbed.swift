import Foundation
import Glibc
import Primitives

/// The running system: every server, service and generator of a run, by name.
public final class Testbed: Sendable {
    public let supervisor = Supervisor()
    public let folders: Folders
    public let binaries: Binaries

    private let known = Mutex<[Node]>([])
    private let networks = Mutex<[RelayNetwork]>([])
    private let exitHandler: Int

    /// Whoever makes one ends it, see ``end()``.
    public init(_ folders: Folders, _ binaries: Binaries = Binaries()) {
        self.folders = folders
        self.binaries = binaries
        exitHandler = ExitHandlers.add { [supervisor] in
            supervisor.endAtOnce()
            folders.removeData()
        }
    }

    /// Stops everything phase by phase, and removes temporary data.
    public func end() async {
        // A caller that was cancelled stops its children as gently as any.
        await Task {
            await self.supervisor.stopAll()
            for network in self.networks.withLock({ $0 }) { await network.close() }
        }.value
        folders.removeData()
        ExitHandlers.remove(exitHandler)
    }

    /// Runs `body` on a testbed for a command: a death that nobody expected, silence, and a signal end `body`; processor
    /// time and memory are sampled. Afterwards everything is stopped. Returns what `body` returns.
    ///
    /// - Parameter silenceMax: how long a node may not answer that was ready once and is not paused; `nil` where that is
    ///   no failure.
    /// - Throws: ``Failure/died(_:)`` when a process died, ``Failure/unavailable(_:)`` naming a node that is silent,
    ///   ``Failure/interrupted`` after SIGINT, SIGTERM or SIGHUP (also one that came before), and what `body` throws. A
    ///   second signal ends this process at once, and its children.
    @discardableResult
    public static func run<Answer: Sendable>(
        _ folders: Folders, _ binaries: Binaries, silenceMax: Duration? = nil,
        body: @escaping @Sendable (Testbed) async throws -> Answer
    ) async throws(Failure) -> Answer {
        Interruption.trap()
        let testbed = Testbed(folders, binaries)
        var answer: Answer?
        let failure = await Failure.of {
            answer = try await testbed.watched(silenceMax: silenceMax) { try await body(testbed) }
        }
        await testbed.end()
        if let answer { return answer }
        throw failure ?? .interrupted
    }

    /// - Throws: ``Failure/unavailable(_:)`` naming the first node that has not answered for `limit`.
    private func listen(atMost limit: Duration) async throws {
        var answered: [String: ContinuousClock.Instant] = [:]
        while true {
            try await Task.sleep(for: .seconds(2))
            let asked = nodes.filter { $0.isRunning && $0.hasBeenReady && !$0.isPaused }
            let silent = await withTaskGroup(of: Node?.self) { group in
                for node in asked { group.addTask { await node.readiness.answers(node) ? nil : node } }
                return await group.reduce(into: [Node]()) { silent, node in if let node { silent.append(node) } }
            }
            let now = ContinuousClock.now
            for node in asked where answered[node.name] == nil || !silent.contains(where: { $0 === node }) {
                answered[node.name] = now
            }
            for node in silent where now - (answered[node.name] ?? now) >= limit && node.isRunning && !node.isPaused {
                let tail = node.specification.logTail(lines: 4).map { "\n    \($0)" }.joined()
                throw Failure.unavailable(
                    "\(node.name) has not answered for \(limit.components.seconds) s. The end of"
                        + " \(node.specification.log):\(tail)")
            }
        }
    }

    private func watched<Answer: Sendable>(
        silenceMax: Duration?, _ body: @escaping @Sendable () async throws -> Answer
    ) async throws -> Answer {
        // Only `body` has an answer; what watches it throws, or ends.
        try await withThrowingTaskGroup(of: Answer?.self) { [supervisor] group in
            // Before anything else: no part of `body` runs when the signal came earlier.
            if Interruption.hasCome { throw Failure.interrupted }
            group.addTask {
                do {
                    return try await body()
                } catch {
                    // Whoever talks to a process notices its death sooner than its supervisor: name the cause, not the
                    // symptom.
                    let death = try? await Polling.wait(atMost: .milliseconds(300)) { supervisor.firstDeath }
                    throw death.map { Failure.died($0) } ?? error
                }
            }
            group.addTask {
                for await death in supervisor.deaths { throw Failure.died(death) }
                return nil
            }
            if let silenceMax {
                group.addTask {
                    try await self.listen(atMost: silenceMax)
                    return nil
                }
            }
            group.addTask {
                var ticks = 0
                while !Interruption.hasCome {
                    if ticks.isMultiple(of: 5) { supervisor.takeSamples() }
                    ticks += 1
                    try await Task.sleep(for: .milliseconds(50))
                }
                throw Failure.interrupted
            }
            defer { group.cancelAll() }
            while let ended = try await group.next() { if let answer = ended { return answer } }
            throw CancellationError()
        }
    }

    /// All nodes, in the order of their first start.
    public var nodes: [Node] { known.withLock { $0 } }

    /// - Throws: ``Failure/unavailable(_:)`` when there is none of this name.
    public func node(_ name: String) throws(Failure) -> Node {
        guard let node = nodes.first(where: { $0.name == name }) else { throw .unavailable("there is no \(name)") }
        return node
    }

    /// Starts a node for the first time; not waited for.
    ///
    /// - Parameters:
    ///   - url: `http://127.0.0.1:<port>` if left out.
    ///   - directory: of its data.
    @discardableResult
    public func add(
        _ role: Node.Role, _ specification: ChildSpecification, port: Int = 0, url: String? = nil,
        directory: String? = nil, readiness: Readiness = .none
    ) async throws(Failure) -> Node {
        let node = Node(
            role, specification, port: port, url: url, directory: directory, readiness: readiness, supervisor)
        known.withLock { $0.append(node) }
        try await node.launch()
        return node
    }

    /// A network between the nodes of this testbed that can be cut.
    func makeNetwork() -> RelayNetwork {
        let network = RelayNetwork { [weak self] in self?.nodes ?? [] }
        networks.withLock { $0.append(network) }
        return network
    }

    /// A folder for the data of one node, `user`'s own; it may be there already, with data in it.
    func makeDirectory(_ name: String, for user: ChildSpecification.User? = nil) throws -> String {
        let directory = "\(folders.data)/\(name)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        if let user, chown(directory, user.id, user.group) != 0 {
            throw Failure.unavailable("cannot hand \(directory) to another user: \(String(cString: strerror(errno)))")
        }
        return directory
    }
}

extension Supervisor {
    /// Runs a program to its end; returns what it says.
    ///
    /// - Throws: ``Failure/unavailable(_:)`` when it ends with another code than 0.
    @discardableResult
    public func output(of program: String, _ arguments: [String]) async throws -> String {
        let name = program.split(separator: "/").last.map(String.init) ?? program
        let log = NSTemporaryDirectory() + "chorus-\(name)-\(UUID().uuidString.prefix(8)).log"
        defer { unlink(log) }
        return try await run(ChildSpecification(name: name, executable: program, arguments: arguments, log: log))
    }
}
