import Testbed

/// The Reader processes of one case of `scale`.
typealias ScaleCrowd = Conversation<ScaleCrowdState>

struct ScaleCrowdState: Sendable {
    var ready: [ScaleReaderMessage.Ready?]
    var placed: [ScaleReaderMessage.Placed?]
    var counts: [ScaleReaderMessage.Counts?]
    /// Viewers of each channel, and whether the last of them were told.
    var channels: [(viewers: [Int: Int], isWhole: Bool)]
    var asked = 0

    init(readers: Int) {
        ready = Array(repeating: nil, count: readers)
        placed = Array(repeating: nil, count: readers)
        counts = Array(repeating: nil, count: readers)
        channels = Array(repeating: ([:], false), count: readers)
    }

    mutating func received(_ message: ScaleReaderMessage, from index: Int) {
        switch message {
        case .ready(let message): ready[index] = message
        case .placed(let message): placed[index] = message
        case .counts(let message): counts[index] = message
        case .channels(let message):
            for (channel, viewers) in zip(message.channels, message.viewers) {
                channels[index].viewers[channel] = viewers
            }
            channels[index].isWhole = message.isLast
        }
    }
}

extension ScaleCrowd {
    convenience init(_ nodes: [Node]) {
        self.init(nodes, ScaleCrowdState(readers: nodes.count), mayEnd: { _, _ in false }) { state, line, index in
            guard let message = ScaleReaderMessage(line: line) else { return complaint(about: line) }
            state.received(message, from: index)
            return nil
        }
    }

    func ready(atMost limit: Duration) async throws -> [ScaleReaderMessage.Ready] {
        try await all("knows the other Readers", limit) { $0.ready }
    }

    /// Lets the viewers of all of them arrive.
    func place() async throws { try await say(ScaleReaderOrder.place.line) }

    /// Of those whose viewers have all been placed.
    var placed: [ScaleReaderMessage.Placed] { now.placed.compactMap { $0 } }

    /// What each has counted so far.
    func counts(atMost limit: Duration = .seconds(60)) async throws -> [ScaleReaderMessage.Counts] {
        let number = update { state in
            state.asked += 1
            return state.asked
        }
        try await say(ScaleReaderOrder.count(number).line)
        return try await all("counted", limit) { $0.counts.map { $0?.number == number ? $0 : nil } }
    }

    /// Viewers of each channel on each Reader. Nobody arrives any more.
    func channels(atMost limit: Duration) async throws -> [[Int: Int]] {
        try await say(ScaleReaderOrder.channels.line)
        return try await all("told its channels", limit) { $0.channels.map { $0.isWhole ? $0.viewers : nil } }
    }

    private func all<Value: Sendable>(
        _ what: String, _ limit: Duration, _ values: (ScaleCrowdState) -> [Value?]
    ) async throws -> [Value] {
        try await reach(
            what, atMost: limit, every: .milliseconds(5),
            missing: { state in values(state).enumerated().filter { $0.element == nil }.map(\.offset) }
        ) { state in
            let known = values(state).compactMap { $0 }
            return known.count == state.ready.count ? known : nil
        }
    }
}
