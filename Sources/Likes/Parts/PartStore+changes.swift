import RedisNIO

extension PartStore {
    /// The consumer group that carries changes to the record.
    static let group = "record"

    /// Takes entries out of a part's stream; returns the changes that still wait there.
    @discardableResult
    func settle(_ entries: [(id: String, changes: Int)], part: Int) async throws(LikeError) -> Int {
        guard !entries.isEmpty else { return 0 }
        let keys = keys(part)
        var call = PartScripts.settle.call(keys: [keys.changes, keys.meta])
        call.append(Self.group)
        for entry in entries {
            call.append(entry.id)
            call.append(entry.changes)
        }
        return Int(try await evaluate(PartScripts.settle, call).integer ?? 0)
    }

    /// A page of a part's stream behind `id` (`-` for the beginning), oldest first.
    func entries(part: Int, after id: String, limit: Int) async throws(LikeError) -> [ChangeEntry] {
        let from = id == "-" ? "-" : "(" + id
        let reply = try await send([RedisCommand("XRANGE", keys(part).changes, from, "+", "COUNT", "\(limit)")])
        return StreamEntry.entries(reply.first).map(ChangeEntry.init)
    }

    /// Changes that wait for the record, over all parts.
    func depths() async throws(LikeError) -> [Int] {
        try await send((0..<parts).map { RedisCommand("HGET", keys($0).meta, "depth") })
            .map { $0.text.flatMap { Int($0) } ?? 0 }
    }
}
