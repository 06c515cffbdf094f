import RedisNIO
import Wire

/// Reads a channel's history from its newest end, with the position, in one transaction. Pure.
struct LatestQuery {
    let channel: Channel
    let before: UInt64?
    let limit: Int

    var commands: [RedisCommand] {
        // No entry lies below 1, so `before` 0 and 1 ask for none.
        let upper = before.map { String($0 - min($0, 1)) } ?? "+"
        return [
            RedisCommand("MULTI"),
            RedisCommand("GET", channel.positionKey),
            RedisCommand(
                "XREVRANGE", channel.historyKey, upper, "-", "COUNT", String(min(max(1, limit), Int(Int32.max)))),
            RedisCommand("EXEC"),
        ]
    }

    /// Values of the wrong type are read as an empty history.
    func page(from replies: [RESPValue]) throws(BrokerError) -> [PlacedEvent] {
        if let refusal = replies.lazy.compactMap(\.failure).first { throw BrokerError(refusal) }
        guard let results = replies.last?.array, results.count == 2 else {
            throw BrokerError(.internal, "the history transaction was answered in another form")
        }
        guard let newest = StoredPosition.position(results[0]) else { return [] }
        return HistoryQuery.entries(results[1]).filter { $0.mark.offset <= newest.offset }.map { stored in
            PlacedEvent(
                position: Position(offset: stored.mark.offset, epoch: newest.epoch), payload: stored.payload)
        }
    }
}
