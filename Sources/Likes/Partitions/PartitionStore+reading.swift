import RedisNIO

extension PartitionStore {
    /// What Redis knows of some photos.
    struct Reading {
        /// For each photo its partitions in order; `nil` where Redis has never seen the partition.
        let states: [[PartitionState?]]
        /// Names the generation of Redis's data: another one after a loss. `nil` while nobody has written the agreement.
        let generation: String?
        /// Redis's time, microseconds since 1970-01-01T00:00:00Z.
        let now: Int64
        /// Answers to further commands.
        let more: [RESPValue]
    }

    /// Reads all partitions of the photos in one round trip: one command a partition, however many photos.
    func read(_ photos: [String], also more: [RedisCommand] = []) async throws(LikeError) -> Reading {
        let commands =
            (0..<partitions).map { RedisCommand("HMGET", [keys($0).sizes] + photos) }
            + [RedisCommand("TIME"), RedisCommand("GET", LikeKeys.settings)] + more
        let replies = try await send(commands)
        var states = Array(repeating: [PartitionState?](repeating: nil, count: partitions), count: photos.count)
        for partition in 0..<partitions {
            guard let values = replies[partition].array, values.count == photos.count else { throw Self.unexpected }
            for (index, value) in values.enumerated() {
                states[index][partition] = value.bytes.flatMap { PartitionState(bytes: $0) }
            }
        }
        guard let time = replies[partitions].array, time.count == 2, let seconds = time[0].text.flatMap({ Int64($0) }),
            let rest = time[1].text.flatMap({ Int64($0) })
        else { throw Self.unexpected }
        return Reading(
            states: states, generation: replies[partitions + 1].text, now: seconds * 1_000_000 + rest,
            more: Array(replies.dropFirst(partitions + 2)))
    }

    /// What Redis has of a photo in one partition.
    enum Holding: Equatable {
        /// Never seen: only the database can tell who likes it.
        case unknown
        /// The same; how many do is known.
        case sizeOnly
        /// The set was here and is gone, or is not what it was: it has to be loaded before anybody can tell.
        case lost
        case complete
    }

    /// The commands whose answers ``holding(_:)`` reads.
    func held(_ photo: String, _ keys: PartitionKeys) -> [RedisCommand] {
        [RedisCommand("HGET", keys.sizes, photo), RedisCommand("SCARD", keys.members(photo))]
    }

    func holding(_ replies: ArraySlice<RESPValue>) -> Holding {
        // Without a database, what Redis does not know is empty.
        guard hasDatabase else { return .complete }
        guard let state = replies.first?.bytes.flatMap({ PartitionState(bytes: $0) }) else { return .unknown }
        if state.size == replies.dropFirst().first?.integer { return .complete }
        return state.isSizeOnly ? .sizeOnly : .lost
    }

    func holding(of photo: String, partition: Int) async throws(LikeError) -> Holding {
        holding(try await send(held(photo, keys(partition)))[...])
    }

    /// Whether a user is in the set of each of some photos, and what Redis has of them; one round trip.
    func memberships(
        of user: String, in photos: [String]
    ) async throws(LikeError) -> [(holding: Holding, isMember: Bool)] {
        let keys = keys(partition(of: user))
        let commands = photos.flatMap { photo in
            held(photo, keys) + [RedisCommand("SISMEMBER", keys.members(photo), user)]
        }
        let replies = try await send(commands)
        return stride(from: 0, to: replies.count, by: 3).map { index in
            (holding(replies[index...]), replies[index + 2].integer == 1)
        }
    }

    /// A page of a partition's stream behind `id` (`-` for the beginning), oldest first.
    func entries(partition: Int, after id: String, limit: Int) async throws(LikeError) -> [ChangeEntry] {
        let from = id == "-" ? "-" : "(" + id
        let reply = try await send([RedisCommand("XRANGE", keys(partition).changes, from, "+", "COUNT", "\(limit)")])
        return StreamEntry.entries(reply.first).map(ChangeEntry.init)
    }

    /// Walks over a hash (`HSCAN`, with every second element a value) or a set (`SSCAN`), page by page; an element may
    /// come more than once.
    func scan(_ command: String, _ key: String, _ body: ([RESPValue]) -> Void) async throws(LikeError) {
        var cursor = "0"
        repeat {
            let reply = try await send([RedisCommand(command, key, cursor, "COUNT", "5000")])[0].array
            guard let reply, reply.count == 2, let next = reply[0].text, let values = reply[1].array else {
                throw Self.unexpected
            }
            body(values)
            cursor = next
        } while cursor != "0"
    }

    /// Changes that wait for the database, by partition.
    func depths() async throws(LikeError) -> [Int] {
        try await send((0..<partitions).map { RedisCommand("HGET", keys($0).meta, "depth") })
            .map { $0.text.flatMap { Int($0) } ?? 0 }
    }
}
