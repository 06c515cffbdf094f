internal import Broker
internal import Wire

/// Reads a channel's history for a group of viewers who ask at the same time: equal questions are asked once.
///
/// Sound for all of them: each began to hold live events before the first question was asked.
final class HistoryReader {
    private let broker: any Broker
    private let channel: Channel
    private var last: (after: Position, page: HistoryPage)?

    init(broker: any Broker, channel: Channel) {
        self.broker = broker
        self.channel = channel
    }

    func page(after position: Position, limit: Int) async throws -> HistoryPage {
        if let last, last.after == position { return last.page }
        let page = try await broker.history(of: channel, after: position.offset, through: nil, limit: limit)
        last = (position, page)
        return page
    }
}
