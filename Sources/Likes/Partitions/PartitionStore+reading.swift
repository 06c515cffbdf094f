import RedisNIO

extension PartitionStore {
    /// What Redis knows of some photos.
    struct Reading {
        /// For each photo its partitions in order; `nil` where Redis has never seen the partition, or may be older than the
        /// database. Without a database what Redis does not know is empty.
        let states: [[PartitionState?]]
        /// Of each partition.
        let epochs: [PartitionEpoch?]
        /// Of the server of each.
        let histories: [String]
        /// What the processes on this Redis have agreed on; `nil` while nobody has written that.
        let agreement: LikeAgreement?
        /// Redis's time, microseconds since 1970-01-01T00:00:00Z; within this process it never goes back.
        let now: Int64
        /// Answers to further commands.
        let more: [RESPValue]

        /// Names the data of a partition that Redis has at the moment: another one when it has lost some.
        func identity(_ partition: Int) -> String { "\(histories[partition]) \(epochs[partition]?.text ?? "")" }

        /// The partitions of a database that have to be verified first.
        var unverified: [Int] { epochs.indices.filter { epochs[$0]?.history != histories[$0] } }
    }

    /// Reads all partitions of the photos in one round trip: one command a partition, however many photos.
    func read(_ photos: [String], also more: [RedisCommand] = []) async throws(LikeError) -> Reading {
        let commands =
            (0..<partitions).map { RedisCommand("HMGET", [keys($0).sizes, PartitionEpoch.field] + photos) }
            // The clocks of a cluster's nodes differ, so it is always the one that has the settings.
            + [RedisCommand("TIME").routed(like: LikeKeys.settings), RedisCommand("GET", LikeKeys.settings)] + more
        let (replies, histories) = try await sendWithHistories(commands, of: (0..<partitions).map { keys($0).sizes })
        let now = newest(try Self.time(replies[partitions]))
        var states = Array(repeating: [PartitionState?](repeating: nil, count: partitions), count: photos.count)
        var epochs: [PartitionEpoch?] = []
        for partition in 0..<partitions {
            guard let values = replies[partition].array, values.count == photos.count + 1 else { throw Self.unexpected }
            let epoch = values[0].text.flatMap { PartitionEpoch($0) }
            epochs.append(epoch)
            if hasDatabase, epoch?.history != histories[partition] { continue }
            // An empty partition is as old as the data that it is part of, so that versions rise over a loss.
            let empty =
                hasDatabase
                ? nil : PartitionState(size: 0, version: epoch?.since ?? PartitionState.version(at: now))
            for (index, value) in values.dropFirst().enumerated() {
                let state = value.bytes.flatMap { PartitionState(bytes: $0, generation: epoch?.generation ?? 0) }
                states[index][partition] = state ?? empty
            }
        }
        return Reading(
            states: states, epochs: epochs, histories: histories,
            agreement: replies[partitions + 1].text.flatMap { LikeAgreement($0) }, now: now,
            more: Array(replies.dropFirst(partitions + 2)))
    }

    private static func time(_ reply: RESPValue) throws(LikeError) -> Int64 {
        guard let time = reply.array, time.count == 2, let seconds = time[0].text.flatMap({ Int64($0) }),
            let rest = time[1].text.flatMap({ Int64($0) })
        else { throw Self.unexpected }
        return seconds * 1_000_000 + rest
    }

    /// Sends a pipeline and asks for the replication history of the server of each key, which stands behind everything that
    /// was read; `-` where an ACL refuses `INFO`.
    private func sendWithHistories(
        _ commands: [RedisCommand], of keys: [String]
    ) async throws(LikeError) -> (replies: [RESPValue], histories: [String]) {
        let servers = keys.map(redis.server(of:))
        // One question a server, however many of the keys it has.
        let asked = Dictionary(zip(servers, keys)) { first, _ in first }.sorted { $0.value < $1.value }
        let questions = asked.map { RedisCommand("INFO", "replication").routed(like: $0.value) }
        let replies: [RESPValue]
        do throws(RedisError) {
            replies = try await redis.send(contentsOf: commands + questions)
            if let failure = replies.prefix(commands.count).lazy.compactMap(\.failure).first { throw failure }
        } catch {
            throw LikeError(error)
        }
        let answers = replies.suffix(asked.count).map { RedisInfo($0.text ?? "")["master_replid"] ?? "-" }
        let histories = Dictionary(uniqueKeysWithValues: zip(asked.map(\.key), answers))
        return (Array(replies.prefix(commands.count)), servers.map { histories[$0] ?? "-" })
    }

    /// The same for one partition.
    private func sendWithHistory(
        _ commands: [RedisCommand], of keys: PartitionKeys
    ) async throws(LikeError) -> (replies: [RESPValue], history: String) {
        let (replies, histories) = try await sendWithHistories(commands, of: [keys.sizes])
        return (replies, histories[0])
    }

    // MARK: One partition

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

    /// Where a partition stands.
    struct Standing {
        let epoch: PartitionEpoch?
        let history: String
        /// The newest version that was given out.
        let clock: Int64

        var isVerified: Bool { epoch?.history == history }
    }

    func standing(_ partition: Int) async throws(LikeError) -> Standing {
        let keys = keys(partition)
        let (replies, history) = try await sendWithHistory(
            [
                RedisCommand("HGET", keys.sizes, PartitionEpoch.field), RedisCommand("HGET", keys.meta, "clock"),
            ], of: keys)
        return Standing(
            epoch: replies[0].text.flatMap { PartitionEpoch($0) }, history: history,
            clock: replies[1].text.flatMap { Int64($0) } ?? 0)
    }

    /// A photo's part of a partition.
    struct Held {
        let holding: Holding
        let epoch: PartitionEpoch?
        let isVerified: Bool
        /// The field of ``PartitionKeys/sizes`` as it stands there; empty for none.
        let field: String
    }

    func held(_ photo: String, partition: Int) async throws(LikeError) -> Held {
        let keys = keys(partition)
        let (replies, history) = try await sendWithHistory(
            [
                RedisCommand("HMGET", keys.sizes, PartitionEpoch.field, photo),
                RedisCommand("SCARD", keys.members(photo)),
            ], of: keys)
        guard let fields = replies[0].array, fields.count == 2 else { throw Self.unexpected }
        let epoch = fields[0].text.flatMap { PartitionEpoch($0) }
        return Held(
            holding: holding(fields[1], members: replies[1], epoch), epoch: epoch,
            isVerified: !hasDatabase || epoch?.history == history, field: fields[1].text ?? "")
    }

    private func holding(_ field: RESPValue, members: RESPValue, _ epoch: PartitionEpoch?) -> Holding {
        // Without a database, what Redis does not know is empty.
        guard hasDatabase else { return .complete }
        guard let state = field.bytes.flatMap({ PartitionState(bytes: $0, generation: epoch?.generation ?? 0) }) else {
            return .unknown
        }
        if state.isSizeOnly { return .sizeOnly }
        return state.size == members.integer ? .complete : .lost
    }

    struct Membership {
        let holding: Holding
        let isMember: Bool
    }

    /// Whether a user is in the set of each of some photos, and what Redis has of them; one round trip. `nil` when the
    /// user's partition has to be verified first.
    func memberships(of user: String, in photos: [String]) async throws(LikeError) -> [Membership]? {
        let keys = keys(partition(of: user))
        let commands =
            [RedisCommand("HMGET", [keys.sizes, PartitionEpoch.field] + photos)]
            + photos.flatMap { photo in
                [
                    RedisCommand("SCARD", keys.members(photo)), RedisCommand("SISMEMBER", keys.members(photo), user),
                ]
            }
        let (replies, history) = try await sendWithHistory(commands, of: keys)
        guard let fields = replies[0].array, fields.count == photos.count + 1 else { throw Self.unexpected }
        let epoch = fields[0].text.flatMap { PartitionEpoch($0) }
        guard !hasDatabase || epoch?.history == history else { return nil }
        return photos.indices.map { index in
            Membership(
                holding: holding(fields[index + 1], members: replies[1 + 2 * index], epoch),
                isMember: replies[2 + 2 * index].integer == 1)
        }
    }

    /// The epochs of partitions; empty texts where there is none.
    func epochs(_ partitions: [Int]) async throws(LikeError) -> [Int: String] {
        let replies = try await send(partitions.map { RedisCommand("HGET", keys($0).sizes, PartitionEpoch.field) })
        return Dictionary(uniqueKeysWithValues: zip(partitions, replies.map { $0.text ?? "" }))
    }

    // MARK: Streams and walks

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
