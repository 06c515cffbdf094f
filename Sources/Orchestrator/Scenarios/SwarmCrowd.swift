import Synchronization

/// The swarm processes of a run: hears all of them and speaks to all of them.
final class SwarmCrowd: Sendable {
    let nodes: [Node]
    private let state: Mutex<SwarmCoordinator>
    private let problem = Mutex<String?>(nil)

    init(_ nodes: [Node]) {
        self.nodes = nodes
        state = Mutex(SwarmCoordinator(swarms: nodes.count))
    }

    var coordinator: SwarmCoordinator { state.withLock { $0 } }

    /// Runs `body` while the swarms are heard.
    func listening<Answer: Sendable>(_ body: @escaping @Sendable () async throws -> Answer) async throws -> Answer {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, node) in nodes.enumerated() {
                guard let child = node.child else { continue }
                group.addTask { await self.hear(child, index) }
            }
            defer { group.cancelAll() }
            return try await body()
        }
    }

    /// Waits until every swarm has come to `phase`.
    ///
    /// - Throws: ``Failure/unavailable(_:)`` when that takes longer than `limit`, or a swarm says what nobody expects.
    func reach(_ phase: SwarmCoordinator.Phase, atMost limit: Duration, meanwhile: (SwarmCoordinator) -> Void)
        async throws
    {
        let reached = try await Polling.wait(atMost: limit, every: .milliseconds(20)) {
            if let problem = problem.withLock({ $0 }) { throw Failure.unavailable(problem) }
            meanwhile(coordinator)
            return coordinator.phase >= phase ? true : nil
        }
        guard reached == nil else { return }
        throw Failure.unavailable(
            "the swarms did not come to '\(phase)' within \(Int(limit.seconds)) s; see the logs of \(nodes.map(\.name).joined(separator: ", "))"
        )
    }

    func say(_ line: String) async throws {
        for node in nodes {
            do {
                try await node.child?.send(line: line)
            } catch {
                throw Failure.unavailable(error.description)
            }
        }
    }

    private func hear(_ child: Child, _ index: Int) async {
        for await line in child.lines {
            // Anything else on its standard output is for people.
            guard let message = SwarmMessage(line: line) else { continue }
            do throws(SwarmCoordinator.OutOfTurn) {
                try state.withLock { coordinator throws(SwarmCoordinator.OutOfTurn) in
                    try coordinator.received(message, from: index)
                }
            } catch {
                note("\(child.name) said '\(error.said)' after '\(error.after)'")
            }
        }
        // One that ends early without a failure is no death for the supervisor, and still the end of the run.
        if !Task.isCancelled, coordinator.phase(of: index) != .reported { note("\(child.name) ended without a report") }
    }

    private func note(_ text: String) {
        problem.withLock { $0 = $0 ?? text }
    }
}
