import RedisNIO
public import Wire

/// Single events of a history: finding them, paging back over them, taking them out.
extension RedisBroker {
    public func latest(
        of channel: Channel, before: UInt64?, limit: Int
    ) async throws(BrokerError) -> [PlacedEvent] {
        let query = LatestQuery(channel: channel, before: before, limit: limit)
        return try query.page(
            from: await counted { () throws(RedisError) in try await client.send(contentsOf: query.commands) })
    }

    public func find(_ key: EventKey, in channel: Channel) async throws(BrokerError) -> PlacedEvent? {
        let reply = try await counted { () throws(RedisError) in
            try await client.evaluate(
                HistoryScripts.find, keys: [channel.positionKey, channel.historyKey],
                arguments: [key.prefix, key.suffix])
        }
        guard let parts = reply.array else { return nil }
        guard parts.count == 2, let position = parts[0].text.flatMap({ Position(parsing: $0) }),
            let payload = parts[1].bytes
        else { throw BrokerError(.internal, "the find script answered in another form") }
        return PlacedEvent(position: position, payload: payload)
    }

    @discardableResult
    public func remove(_ position: Position, from channel: Channel) async throws(BrokerError) -> Bool {
        let reply = try await counted { () throws(RedisError) in
            try await client.evaluate(
                HistoryScripts.remove, keys: [channel.positionKey, channel.historyKey],
                arguments: [Array(String(position.offset).utf8), Array(position.epoch.utf8)])
        }
        return reply.integer == 1
    }
}
