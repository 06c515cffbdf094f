import Audience
import Testbed

/// The Reader processes of one case of `scale`.
typealias ScaleCrowd = Conversation<ScaleCrowdState>

struct ScaleCrowdState: Sendable {
    /// What one has told.
    struct Reader: Sendable {
        var ready: ScaleReaderMessage.Ready?
        var placed: ScaleReaderMessage.Placed?
        var counts: ScaleReaderMessage.Counts?
        /// Viewers of each channel, and whether the last of them were told.
        var channels: [Int: Int] = [:]
        var isWhole = false
    }

    var readers: [Reader]
    var asked = 0

    mutating func received(_ message: ScaleReaderMessage, from index: Int) {
        switch message {
        case .ready(let message): readers[index].ready = message
        case .placed(let message): readers[index].placed = message
        case .counts(let message): readers[index].counts = message
        case .channels(let message):
            for (channel, viewers) in zip(message.channels, message.viewers) {
                readers[index].channels[channel] = viewers
            }
            readers[index].isWhole = message.isLast
        }
    }
}

extension ScaleCrowd {
    convenience init(_ nodes: [Node]) {
        let state = ScaleCrowdState(readers: nodes.map { _ in ScaleCrowdState.Reader() })
        self.init(nodes, state, mayEnd: { _, _ in false }) { state, line, index in
            guard let message: ScaleReaderMessage = JSONLine.read(line) else { return complaint(about: line) }
            state.received(message, from: index)
            return nil
        }
    }

    func ready(atMost limit: Duration) async throws -> [ScaleReaderMessage.Ready] {
        try await all("knows the other Readers", limit, \.ready)
    }

    /// Lets the viewers of all of them arrive.
    func place() async throws { try await say(JSONLine.text(ScaleReaderOrder.place)) }

    /// Of those whose viewers have all been placed.
    var placed: [ScaleReaderMessage.Placed] { now.readers.compactMap(\.placed) }

    /// What each has counted so far.
    func counts(atMost limit: Duration = .seconds(60)) async throws -> [ScaleReaderMessage.Counts] {
        let number = update { state in
            state.asked += 1
            return state.asked
        }
        try await say(JSONLine.text(ScaleReaderOrder.count(number)))
        return try await all("counted", limit) { $0.counts?.number == number ? $0.counts : nil }
    }

    /// Viewers of each channel on each Reader. Nobody arrives any more.
    func channels(atMost limit: Duration) async throws -> [[Int: Int]] {
        try await say(JSONLine.text(ScaleReaderOrder.channels))
        return try await all("told its channels", limit) { $0.isWhole ? $0.channels : nil }
    }

    private func all<Value: Sendable>(
        _ what: String, _ limit: Duration, _ value: (ScaleCrowdState.Reader) -> Value?
    ) async throws -> [Value] {
        try await reach(
            what, atMost: limit, every: .milliseconds(5),
            missing: { state in state.readers.indices.filter { value(state.readers[$0]) == nil } }
        ) { state in
            let known = state.readers.compactMap(value)
            return known.count == state.readers.count ? known : nil
        }
    }
}
