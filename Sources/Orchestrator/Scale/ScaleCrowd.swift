import Synchronization

/// The Reader processes of one case: hears all of them and speaks to all of them.
final class ScaleCrowd: Sendable {
    let nodes: [Node]
    private let state: Mutex<State>

    private struct State {
        var ready: [ScaleReaderMessage.Ready?]
        var subscribed: [ScaleReaderMessage.Subscribed?]
        var counts: [ScaleReaderMessage.Counts?]
        var asked = 0
        var gone: String?
    }

    init(_ nodes: [Node]) {
        self.nodes = nodes
        let count = nodes.count
        state = Mutex(
            State(
                ready: Array(repeating: nil, count: count), subscribed: Array(repeating: nil, count: count),
                counts: Array(repeating: nil, count: count)))
    }

    /// Runs `body` while the Readers are heard.
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

    private func hear(_ child: Child, _ index: Int) async {
        for await line in child.lines {
            guard let message = ScaleReaderMessage(line: line) else { continue }
            state.withLock { state in
                switch message {
                case .ready(let ready): state.ready[index] = ready
                case .subscribed(let subscribed): state.subscribed[index] = subscribed
                case .counts(let counts): state.counts[index] = counts
                }
            }
        }
        if !Task.isCancelled { state.withLock { $0.gone = $0.gone ?? child.name } }
    }

    func ready(atMost limit: Duration) async throws -> [ScaleReaderMessage.Ready] {
        try await wait("connected to Redis", limit) { $0.ready }
    }

    /// Lets all of them subscribe at once.
    func subscribe(atMost limit: Duration) async throws -> [ScaleReaderMessage.Subscribed] {
        try await say(.subscribe)
        return try await wait("subscribed to everything", limit) { $0.subscribed }
    }

    /// What each has counted so far.
    func counts(atMost limit: Duration = .seconds(60)) async throws -> [ScaleReaderMessage.Counts] {
        let number = state.withLock { state in
            state.asked += 1
            return state.asked
        }
        try await say(.count(number))
        return try await wait("told what they counted", limit) { $0.counts.map { $0?.number == number ? $0 : nil } }
    }

    private func say(_ order: ScaleReaderOrder) async throws {
        for node in nodes {
            do {
                try await node.child?.send(line: order.line)
            } catch {
                throw Failure.unavailable(error.description)
            }
        }
    }

    private func wait<Value: Sendable>(
        _ what: String, _ limit: Duration, _ values: (State) -> [Value?]
    ) async throws -> [Value] {
        let answer = try await Polling.wait(atMost: limit, every: .milliseconds(5)) { () throws -> [Value]? in
            let (known, gone) = state.withLock { state in (values(state), state.gone) }
            if let gone { throw Failure.unavailable("\(gone) ended early; see its log") }
            let whole = known.compactMap { $0 }
            return whole.count == known.count ? whole : nil
        }
        if let answer { return answer }
        let missing = state.withLock { state in
            zip(nodes, values(state)).filter { $0.1 == nil }.map(\.0.name).joined(separator: ", ")
        }
        throw Failure.unavailable("not \(what) within \(Int(limit.seconds)) s: \(missing)")
    }
}
