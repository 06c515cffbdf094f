import Primitives
import RedisNIO
import Storage
import Wire

/// The partitions in Redis: every call that LikeAPI makes about likes. Safe to use from any task.
final class PartitionStore: Sendable {
    let redis: RedisClient
    let partitions: Int
    /// Whether a database stands behind Redis. Without one, what Redis does not know is empty.
    let hasDatabase: Bool
    private let streamMax: Int
    private let keys: [PartitionKeys]
    /// The newest version of each partition that this process has seen.
    private let clocks: Mutex<[Int64]>
    /// The latest time of Redis that this process has seen.
    private let time = Mutex(Int64(0))

    /// The consumer group that carries changes to the database.
    static let group = "record"

    init(redis: RedisClient, settings: LikeSettings, hasDatabase: Bool) {
        self.redis = redis
        self.partitions = settings.partitions
        self.hasDatabase = hasDatabase
        self.streamMax = settings.partitionStreamMax
        self.keys = (0..<settings.partitions).map(PartitionKeys.init)
        self.clocks = Mutex(Array(repeating: 0, count: settings.partitions))
    }

    /// As the processes on this Redis have agreed.
    convenience init(redis: RedisClient, agreement: LikeAgreement) {
        var settings = LikeSettings()
        settings.partitions = agreement.partitions
        self.init(redis: redis, settings: settings, hasDatabase: agreement.hasDatabase)
    }

    /// What all processes on this Redis must agree on.
    var agreement: LikeAgreement { LikeAgreement(partitions: partitions, hasDatabase: hasDatabase) }

    func keys(_ partition: Int) -> PartitionKeys { keys[partition] }

    func partition(of user: String) -> Int { UserSlot.partition(of: user, partitions: partitions) }

    /// The users of a partition, as the database knows them.
    func slots(_ partition: Int) -> Range<Int16> { UserSlot.slots(ofPartition: partition, partitions: partitions) }

    // MARK: Changing

    struct Applied {
        /// The version of the first change, and the time of all of them.
        let first: Int64
        let at: Int64
        let answers: [PartitionBatch.Answer]
        /// The data that the answers are of; see ``Reading/identity(_:)``.
        let identity: String
    }

    enum Application {
        case applied(Applied)
        /// The partition's stream is at its limit.
        case full
        /// Nothing was done: see ``PartitionVerifier``.
        case unverified
    }

    /// The call that applies a batch.
    func call(_ batch: PartitionBatch, partition: Int) -> RedisCommand {
        let keys = keys[partition]
        var call = PartitionScripts.apply.call(
            keys: [keys.sizes, keys.meta, keys.changes] + batch.groups.map { keys.members($0.photo) })
        call.append(hasDatabase ? "1" : "0")
        call.append(streamMax)
        call.append(clocks.withLock { $0[partition] })
        call.append(batch.changesMax)
        for group in batch.groups {
            call.append(group.photo)
            call.append(group.likes.count)
            call.append(group.unlikes.count)
            for user in group.likes { call.append(user) }
            for user in group.unlikes { call.append(user) }
        }
        return call
    }

    /// Applies a batch in one call.
    func apply(_ batch: PartitionBatch, partition: Int) async throws(LikeError) -> Application {
        let reply = try await evaluate(PartitionScripts.apply, call(batch, partition: partition))
        guard let values = reply.array, let word = values.first?.text else { throw Self.unexpected }
        switch word {
        case "full": return .full
        case "unverified": return .unverified
        default: break
        }
        guard values.count == 6, let first = values[1].integer, let at = values[2].integer,
            let answers = values[3].array, answers.count == batch.groups.count, let clock = values[4].integer,
            let identity = values[5].text
        else { throw Self.unexpected }
        var known: [PartitionBatch.Answer] = []
        for (group, answer) in zip(batch.groups, answers) {
            known.append(try Self.answer(answer, users: group.likes.count + group.unlikes.count))
        }
        clocks.withLock { $0[partition] = max($0[partition], clock) }
        return .applied(Applied(first: first, at: at, answers: known, identity: identity))
    }

    private static func answer(_ value: RESPValue, users: Int) throws(LikeError) -> PartitionBatch.Answer {
        guard let fields = value.array, let flags = fields.first?.bytes else { throw unexpected }
        if fields.count == 1 { return .unknown }
        guard fields.count == 3, flags.count == users, let size = fields[1].integer, let version = fields[2].integer
        else { throw unexpected }
        return .known(
            wasMember: flags.map { $0 == UInt8(ascii: "1") }, state: PartitionState(size: size, version: version))
    }

    /// Notes the sizes of partitions that this Redis has never seen; what it knows already stays.
    ///
    /// - Parameter epochs: of the partitions, when they were asked for; in another one nothing is noted.
    func seedSizes(
        _ sizes: [(photo: String, partition: Int, size: Int64)], epochs: [Int: PartitionEpoch]
    ) async throws(LikeError) {
        for (partition, entries) in Dictionary(grouping: sizes, by: \.partition) {
            let keys = keys(partition)
            var call = PartitionScripts.seedSize.call(keys: [keys.sizes, keys.meta])
            call.append(epochs[partition]?.text ?? "")
            for entry in entries {
                call.append(entry.photo)
                call.append(entry.size)
            }
            _ = try await evaluate(PartitionScripts.seedSize, call)
        }
    }

    /// Takes a key for some time; `false` when somebody else has it. See ``PartitionScripts/take``.
    func take(_ key: String, _ value: String, milliseconds: Int) async throws(LikeError) -> Bool {
        try await takeEach([key], value, milliseconds: milliseconds)[0]
    }

    /// The same for several keys, in one round trip.
    func takeEach(
        _ keys: [String], _ value: String = "1", milliseconds: Int
    ) async throws(LikeError) -> [Bool] {
        let calls = keys.map { key in
            var call = PartitionScripts.take.call(keys: [key])
            call.append(value)
            call.append(milliseconds)
            return call
        }
        do throws(RedisError) {
            let replies = try await redis.evaluate(PartitionScripts.take, contentsOf: calls)
            if let failure = replies.lazy.compactMap(\.failure).first { throw failure }
            return replies.map { $0.integer == 1 }
        } catch {
            throw LikeError(error)
        }
    }

    /// Takes entries out of a partition's stream, and keeps what became dead letters before; see ``PartitionScripts/ack``.
    func ack(
        _ entries: [(id: String, changes: Int)], deadLetters: [DeadLetter], partition: Int, epoch: String
    ) async throws(LikeError) {
        let keys = keys(partition)
        if !deadLetters.isEmpty { try await keep(deadLetters, of: keys.changes) }
        var call = PartitionScripts.ack.call(keys: [keys.changes, keys.meta, keys.sizes])
        for argument in [Self.group, epoch] { call.append(argument) }
        for entry in entries {
            call.append(entry.id)
            call.append(entry.changes)
        }
        _ = try await evaluate(PartitionScripts.ack, call)
    }

    private func keep(_ letters: [DeadLetter], of stream: String) async throws(LikeError) {
        var call = PartitionScripts.keep.call(keys: [LikeKeys.deadLetters])
        for argument in [stream, "\(DeadLetters.lengthMax)"] { call.append(argument) }
        for letter in letters {
            for argument in [letter.id, letter.reason, "\(letter.fields.count)"] { call.append(argument) }
            for field in letter.fields {
                call.append("." + field.name)
                call.append(field.value)
            }
        }
        guard try await evaluate(PartitionScripts.keep, call).integer == 1 else {
            throw LikeError(
                .backlogFull, "as many dead letters are kept as may be: see `LikeAPI dead-letters list`")
        }
    }

    /// Redis's time as this process has seen it go on: it does not follow a clock that steps back.
    func newest(_ time: Int64) -> Int64 {
        self.time.withLock { newest in
            newest = max(newest, time)
            return newest
        }
    }

    // MARK: Verification

    /// The newest version of a partition that this process has seen.
    func clock(_ partition: Int) -> Int64 { clocks.withLock { $0[partition] } }

    /// Begins an epoch; `false` when another one has begun since `epoch`.
    func begin(
        _ partition: Int, after epoch: PartitionEpoch?, newest: Int64, isOlder: Bool
    ) async throws(LikeError) -> Bool {
        let keys = keys(partition)
        var call = PartitionScripts.begin.call(keys: [keys.sizes, keys.meta])
        for argument in [epoch?.text ?? "", "\(newest)", isOlder ? "1" : "0"] { call.append(argument) }
        return try await evaluate(PartitionScripts.begin, call).integer == 1
    }

    /// Notes that what Redis holds in a partition is older than the database, if it is still the same.
    func markOlder(_ partition: Int, in epoch: PartitionEpoch) async throws(LikeError) {
        var call = PartitionScripts.markOlder.call(keys: [keys(partition).sizes])
        call.append(epoch.text)
        _ = try await evaluate(PartitionScripts.markOlder, call)
    }

    /// Applies what waits in a partition's stream to the database, as a worker would, without taking it out.
    ///
    /// - Parameter photo: only this one's changes; `nil` for all.
    func applyStream(
        _ partition: Int, photo: String? = nil, to likes: any LikeStore
    ) async throws(LikeError) {
        var id = "-"
        while true {
            let entries = try await entries(partition: partition, after: id, limit: 500)
            let changes = entries.flatMap(\.changes).filter { photo == nil || $0.photo == photo }
            if !changes.isEmpty { _ = try await LikeError.mapping { try await likes.apply(changes) } }
            guard entries.count == 500, let last = entries.last else { return }
            id = last.id
        }
    }

    // MARK: Calls

    static let unexpected = LikeError(.internal, "Redis answered in another form")

    func evaluate(_ script: RedisScript, _ call: RedisCommand) async throws(LikeError) -> RESPValue {
        do throws(RedisError) {
            return try await redis.evaluate(script, call)
        } catch {
            throw LikeError(error)
        }
    }

    /// Sends a pipeline; the first error reply is thrown.
    func send(_ commands: [RedisCommand]) async throws(LikeError) -> [RESPValue] {
        do throws(RedisError) {
            let replies = try await redis.send(contentsOf: commands)
            for reply in replies {
                if case .failure(let error) = reply { throw error }
            }
            return replies
        } catch {
            throw LikeError(error)
        }
    }
}
