import RedisNIO
import Wire

/// Reads position and history of a channel in one transaction, and makes a page of the replies. Pure.
struct HistoryQuery {
    let channel: Channel
    let after: UInt64
    let through: UInt64?
    let limit: Int

    /// MULTI and not Lua: entries go out as Redis holds them, without a detour over Lua tables.
    var commands: [RedisCommand] {
        // One entry over the limit shows whether there is more.
        let count = String(min(max(1, limit), Int(Int32.max)) + 1)
        let from = String(min(after, .max - 1) + 1)
        let end = through.map { String($0) } ?? "+"
        return [
            RedisCommand("MULTI"),
            RedisCommand("GET", channel.positionKey),
            RedisCommand("XRANGE", channel.historyKey, from, end, "COUNT", count),
            RedisCommand("XRANGE", channel.historyKey, "-", "+", "COUNT", "1"),
            RedisCommand("EXEC"),
        ]
    }

    /// Values of the wrong type are read as an empty history or as no position: a gap for viewers, not a failure.
    func page(from replies: [RESPValue]) throws(BrokerError) -> HistoryPage {
        if let refusal = replies.lazy.compactMap(\.failure).first { throw BrokerError(refusal) }
        guard let results = replies.last?.array, results.count == 3 else {
            throw BrokerError(.internal, "the history transaction was answered in another form")
        }
        guard let position = StoredPosition.position(results[0]) else { return .empty }
        let stored = Self.entries(results[1]).filter { $0.mark.offset > after && $0.mark.offset <= position.offset }
        let isCut = stored.count > max(1, limit)
        let page = stored.prefix(max(1, limit))
        let rule = HistoryContinuity(after: after, through: through, newest: position.offset)
        let missing = rule.missing(first: Self.entries(results[2]).first?.mark, page: page.map(\.mark), isCut: isCut)
        return HistoryPage(
            position: position, entries: page.map { $0.entry(epoch: position.epoch) }, missing: missing, isCut: isCut)
    }

    /// Whether the next event will follow the stored position: asked only when that lies before what somebody has.
    var continuityCommands: [RedisCommand] {
        [
            RedisCommand("MULTI"), RedisCommand("GET", channel.positionKey), RedisCommand("INFO", "replication"),
            RedisCommand("EXEC"),
        ]
    }

    /// Whether the newest event was written under the server's present replication history, and still lies before what the asker
    /// has; others may have come since `position` was read. A user who may not call INFO does not learn it.
    func continues(from position: Position, _ replies: [RESPValue]) -> Bool {
        guard let results = replies.last?.array, results.count == 2, let info = results[1].text,
            let newest = StoredPosition.position(results[0]), newest.epoch == position.epoch, newest.offset < after,
            let history = StoredPosition.history(results[0]), let name = info.firstRange(of: "master_replid:")
        else { return false }
        return info[name.upperBound...].hasPrefix(history)
    }

    struct Stored {
        let mark: HistoryContinuity.Mark
        let payload: [UInt8]

        func entry(epoch: String) -> HistoryEntry {
            let position = Position(offset: mark.offset, epoch: epoch)
            return HistoryEntry(offset: mark.offset, frame: FrameHead.idLine(position) + payload)
        }
    }

    static func entries(_ reply: RESPValue) -> [Stored] {
        (reply.array ?? []).compactMap { entry in
            guard let parts = entry.array, parts.count == 2, let id = parts[0].text, let fields = parts[1].array,
                let offset = Position.offset(id.utf8.prefix { $0 != UInt8(ascii: "-") })
            else { return nil }
            return stored(offset, fields)
        }
    }

    private static func stored(_ offset: UInt64, _ fields: [RESPValue]) -> Stored? {
        var mark = HistoryContinuity.Mark(offset: offset)
        var payload: [UInt8]?
        for index in stride(from: 0, to: fields.count - 1, by: 2) {
            let value = fields[index + 1]
            switch fields[index].text {
            case PublishScript.payloadField: payload = value.bytes
            case PublishScript.resumedField: mark.resumedAfter = value.bytes.flatMap { Position.offset($0) }
            case PublishScript.lostField: mark.lostThrough = value.bytes.flatMap { Position.offset($0) }
            default: break
            }
        }
        return payload.map { Stored(mark: mark, payload: $0) }
    }
}

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
