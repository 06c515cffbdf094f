import Audience
import Foundation
import Primitives
import Testbed

/// Processes that are led over their standard input and output: what they say is gathered in a state, and they are told
/// what to do.
final class Conversation<State: Sendable>: Sendable {
    let nodes: [Node]
    private let state: Mutex<State>
    private let problem = Mutex<String?>(nil)
    private let take: @Sendable (inout State, String, Int) -> String?
    private let mayEnd: @Sendable (State, Int) -> Bool

    /// - Parameters:
    ///   - mayEnd: whether a process, by its number, may end now.
    ///   - take: gets every line and the number of its process; returns what is wrong with it.
    init(
        _ nodes: [Node], _ state: State, mayEnd: @escaping @Sendable (State, Int) -> Bool,
        take: @escaping @Sendable (inout State, String, Int) -> String?
    ) {
        self.nodes = nodes
        self.state = Mutex(state)
        self.mayEnd = mayEnd
        self.take = take
    }

    var now: State { state.withLock { $0 } }

    func update<Answer: Sendable>(_ change: (inout State) -> Answer) -> Answer { state.withLock { change(&$0) } }

    /// Runs `body` while the processes are listened to.
    func listening<Answer: Sendable>(_ body: @escaping @Sendable () async throws -> Answer) async throws -> Answer {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, node) in nodes.enumerated() {
                guard let child = node.child else { continue }
                group.addTask { await self.listen(to: child, index) }
            }
            defer { group.cancelAll() }
            return try await body()
        }
    }

    /// To all of them.
    func say(_ line: String) async throws {
        for node in nodes {
            do { try await node.child?.send(line: line) } catch { throw Failure.unavailable(error.description) }
        }
    }

    /// Waits until `look` finds what it looks for.
    ///
    /// - Throws: ``Failure/unavailable(_:)`` when that takes longer than `limit`, or a process said what nobody expects or
    ///   ended too early.
    func reach<Answer: Sendable>(
        _ what: String, atMost limit: Duration, every pause: Duration = .milliseconds(20),
        missing: (State) -> [Int]? = { _ in nil }, _ look: (State) -> Answer?
    ) async throws -> Answer {
        let found = try await Polling.wait(atMost: limit, every: pause) { () throws -> Answer? in
            if let problem = problem.withLock({ $0 }) { throw Failure.unavailable(problem) }
            return look(now)
        }
        if let found { return found }
        let names = (missing(now) ?? Array(nodes.indices)).map { nodes[$0].name }.joined(separator: ", ")
        throw Failure.unavailable("not '\(what)' within \(Int(limit.seconds)) s; see the logs of \(names)")
    }

    private func listen(to child: Child, _ index: Int) async {
        for await line in child.lines {
            if let wrong = state.withLock({ take(&$0, line, index) }) { note("\(child.name) \(wrong)") }
        }
        if child.linesDropped > 0 { note("\(child.name) said more than could be read") }
        // One that ends early without a failure is no death for the supervisor, and still the end of the run.
        if !Task.isCancelled, !mayEnd(now, index) { note("\(child.name) ended early; see its log") }
    }

    private func note(_ text: String) { problem.withLock { $0 = $0 ?? text } }
}

/// What is wrong with a line that is no message: nothing where it is for people. A message that is cut or of another
/// version must not be missed in silence.
func complaint(about line: String) -> String? {
    line.hasPrefix("{") ? "said what cannot be read: \(line.prefix(120))" : nil
}

/// The swarm processes of a run.
typealias LoadGeneratorGroup = Conversation<SwarmCoordinator>

extension LoadGeneratorGroup {
    convenience init(_ nodes: [Node]) {
        self.init(nodes, SwarmCoordinator(swarms: nodes.count), mayEnd: { $0.phase(of: $1) == .reported }) {
            coordinator, line, index in
            guard let message = SwarmMessage(line: line) else { return complaint(about: line) }
            do throws(SwarmCoordinator.OutOfTurn) {
                try coordinator.received(message, from: index)
                return nil
            } catch {
                return "said '\(error.said)' after '\(error.after)'"
            }
        }
    }

    var coordinator: SwarmCoordinator { now }

    /// Waits until every swarm has come to `phase`.
    func reach(
        _ phase: SwarmCoordinator.Phase, atMost limit: Duration, meanwhile: (SwarmCoordinator) -> Void = { _ in }
    ) async throws {
        _ = try await reach("\(phase)", atMost: limit) { coordinator in
            meanwhile(coordinator)
            return coordinator.phase >= phase ? true : nil
        }
    }

    /// Lets every viewer wait for the last comment of its channel, and puts the reports of all swarms together.
    func report(atMost limit: Duration = .seconds(60)) async throws -> SwarmReport {
        try await say(GeneratorOrder.expect(coordinator.published).line)
        try await reach(.reported, atMost: limit)
        do {
            return try SwarmReport.merged(coordinator.reports)
        } catch {
            throw Failure.unavailable("the swarms' reports do not belong together: \(error)")
        }
    }
}

/// The process that likes and watches the counts.
typealias LikesCrowd = Conversation<LikesCrowdState>

struct LikesCrowdState: Sendable {
    var connected: Int?
    var report: LikeSwarmReport?
}

extension LikesCrowd {
    /// - Parameter took: gets how far it is, again and again.
    convenience init(_ node: Node, took: @escaping @Sendable (LikesResult.Sample) -> Void = { _ in }) {
        self.init([node], LikesCrowdState(), mayEnd: { state, _ in state.report != nil }) { state, line, _ in
            guard let message = LikesMessage(line: line) else { return complaint(about: line) }
            switch message.event {
            case .connected: state.connected = message.viewers
            case .progress: if let likes = message.likes { took(likes) }
            case .report: state.report = message.report
            case .published, .stage: break
            }
            return nil
        }
    }
}
