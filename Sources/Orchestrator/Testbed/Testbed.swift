import Primitives
import Subprocess

/// The running system: every server and client of a run, by name, and the hands that start, stop and disturb them.
///
/// Nodes are stopped by the ``Supervisor`` at the end of the run, in reverse order of their start.
final class Testbed: Sendable {
    let supervisor: Supervisor
    let folders: Folders
    let binaries: Binaries

    private let known = Mutex<[Node]>([])

    init(supervisor: Supervisor, folders: Folders, binaries: Binaries) {
        self.supervisor = supervisor
        self.folders = folders
        self.binaries = binaries
    }

    /// All nodes, in the order of their first start.
    var nodes: [Node] { known.withLock { $0 } }

    func nodes(_ role: Node.Role) -> [Node] { nodes.filter { $0.role == role } }

    /// - Throws: ``Failure/unavailable(_:)`` when there is none of this name.
    func node(_ name: String) throws(Failure) -> Node {
        guard let node = nodes.first(where: { $0.name == name }) else { throw .unavailable("there is no \(name)") }
        return node
    }

    /// Starts a node for the first time.
    @discardableResult
    func add(_ node: Node) async throws -> Node {
        known.withLock { $0.append(node) }
        try await start(node)
        return node
    }

    /// Starts a node that does not run: the same program, environment and port as before.
    func start(_ node: Node) async throws {
        do {
            node.began(try await supervisor.start(node.specification))
        } catch let death as ChildDeath {
            throw Failure.died(death)
        }
    }

    /// Asks a node to end, and waits; kills it after its grace.
    func stop(_ node: Node) async {
        guard let child = node.child else { return }
        await supervisor.stop(child)
    }

    /// SIGKILL, and waits.
    func kill(_ node: Node) async {
        guard let child = node.child else { return }
        await supervisor.kill(child)
    }

    /// SIGSTOP: it holds its connections and does nothing.
    func pause(_ node: Node) {
        node.child?.signal(.suspend)
        node.paused(true)
    }

    /// SIGCONT.
    func resume(_ node: Node) {
        node.child?.signal(.resume)
        node.paused(false)
    }

    /// Stops a node gently, starts it again on the same port, and waits until it is ready.
    func restart(_ node: Node, within limit: Duration = .seconds(30)) async throws {
        await stop(node)
        try await start(node)
        try await waitUntilReady([node], within: limit)
    }

    /// Waits for several nodes at once.
    ///
    /// - Throws: ``Failure/unavailable(_:)`` naming those that are not ready in time, with the end of the first one's log.
    func waitUntilReady(_ nodes: [Node], within limit: Duration = .seconds(30)) async throws {
        let late = try await withThrowingTaskGroup(of: Node?.self) { group in
            for node in nodes {
                group.addTask {
                    let port = node.port ?? 0
                    let ready = try await Polling.wait(atMost: limit) {
                        await node.readiness.holds(port: port) ? true : nil
                    }
                    return ready == nil ? node : nil
                }
            }
            return try await group.reduce(into: [Node]()) { late, node in if let node { late.append(node) } }
        }
        guard let first = late.first else { return }
        let names = late.map(\.name).sorted().joined(separator: ", ")
        let tail = LogTail.read(first.specification.log).map { "\n    \($0)" }.joined()
        throw Failure.unavailable(
            "not ready within \(limit.components.seconds) s: \(names). The end of \(first.specification.log):\(tail)")
    }
}
