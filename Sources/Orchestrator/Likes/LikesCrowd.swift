import Audience
import Foundation
import Synchronization

/// The process that likes and watches: hears what it tells, and speaks to it.
final class LikesCrowd: Sendable {
    /// What it has told so far.
    struct State: Sendable {
        var connected: Int?
        var failed = 0
        var latest: LikesMessage?
        var report: LikeSwarmReport?
        var hasEnded = false
    }

    let node: Node
    private let state = Mutex(State())
    private let took: @Sendable (LikesMessage) -> Void

    /// - Parameter took: gets every message of how far it is.
    init(_ node: Node, took: @escaping @Sendable (LikesMessage) -> Void = { _ in }) {
        self.node = node
        self.took = took
    }

    var now: State { state.withLock { $0 } }

    /// Runs `body` while it is heard.
    func listening<Answer: Sendable>(_ body: @escaping @Sendable () async throws -> Answer) async throws -> Answer {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.hear() }
            defer { group.cancelAll() }
            return try await body()
        }
    }

    func say(_ line: String) async throws {
        do {
            try await node.child?.send(line: line)
        } catch {
            throw Failure.unavailable(error.description)
        }
    }

    /// - Throws: ``Failure/unavailable(_:)`` when it does not come to that in time, or ends before.
    func reach<Answer: Sendable>(
        _ what: String, atMost limit: Duration, _ look: @Sendable (State) -> Answer?
    ) async throws -> Answer {
        let found = try await Polling.wait(atMost: limit, every: .milliseconds(20)) { () async throws -> Answer? in
            let now = now
            if let answer = look(now) { return answer }
            if now.hasEnded { throw Failure.unavailable("\(node.name) ended before '\(what)'; see its log") }
            return nil
        }
        guard let found else {
            throw Failure.unavailable("\(node.name) did not come to '\(what)' within \(Int(limit.seconds)) s")
        }
        return found
    }

    private func hear() async {
        guard let child = node.child else { return }
        for await line in child.lines {
            guard let message = try? JSONDecoder().decode(LikesMessage.self, from: Data(line.utf8)) else { continue }
            state.withLock { state in
                switch message.event {
                case "connected":
                    state.connected = message.viewers ?? 0
                    state.failed = message.failed ?? 0
                case "progress": state.latest = message
                case "report": state.report = message.report
                default: break
                }
            }
            if message.event == "progress" { took(message) }
        }
        state.withLock { $0.hasEnded = true }
    }
}
