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

    /// Applies a batch in one call; `nil` when the partition's stream is full.
    func apply(_ batch: PartitionBatch, partition: Int) async throws(LikeError) -> Applied? {
        let reply = try await evaluate(PartitionScripts.apply, call(batch, partition: partition))
        guard let values = reply.array, let word = values.first?.text else { throw Self.unexpected }
        if word == "full" { return nil }
        let applied = try Self.applied(values, batch)
        let newest = applied.first + Int64(batch.changesMax)
        clocks.withLock { $0[partition] = max($0[partition], newest) }
        return applied
    }

    private static func applied(_ values: [RESPValue], _ batch: PartitionBatch) throws(LikeError) -> Applied {
        guard values.count == 4, let first = values[1].integer, let at = values[2].integer,
            let answers = values[3].array, answers.count == batch.groups.count
        else { throw unexpected }
        var known: [PartitionBatch.Answer] = []
        for (group, answer) in zip(batch.groups, answers) {
            known.append(try Self.answer(answer, users: group.likes.count + group.unlikes.count))
        }
        return Applied(first: first, at: at, answers: known)
    }

    private static func answer(_ value: RESPValue, users: Int) throws(LikeError) -> PartitionBatch.Answer {
        guard let fields = value.array, let flags = fields.first?.bytes else { throw unexpected }
        if fields.count == 1 { return .unknown(isNew: flags.isEmpty) }
        guard fields.count == 3, flags.count == users, let size = fields[1].integer, let version = fields[2].integer
        else { throw unexpected }
        return .known(
            wasMember: flags.map { $0 == UInt8(ascii: "1") }, state: PartitionState(size: size, version: version))
    }

    /// Notes the sizes of partitions that this Redis has never seen; what it knows already stays.
    func seedSizes(_ sizes: [(photo: String, partition: Int, size: Int64)]) async throws(LikeError) {
        for (partition, entries) in Dictionary(grouping: sizes, by: \.partition) {
            var call = PartitionScripts.seedSize.call(keys: [keys(partition).sizes])
            for entry in entries {
                call.append(entry.photo)
                call.append(entry.size)
            }
            _ = try await evaluate(PartitionScripts.seedSize, call)
        }
    }

    /// Takes entries out of a partition's stream.
    func ack(_ entries: [(id: String, changes: Int)], partition: Int) async throws(LikeError) {
        let keys = keys(partition)
        var call = PartitionScripts.ack.call(keys: [keys.changes, keys.meta])
        call.append(Self.group)
        for entry in entries {
            call.append(entry.id)
            call.append(entry.changes)
        }
        _ = try await evaluate(PartitionScripts.ack, call)
    }

    // MARK: Calls

    static let unexpected = LikeError(.internal, "Redis answered in another form")

    func evaluate(_ script: RedisScript, _ call: RedisCommand) async throws(LikeError) -> RESPValue {
        do throws(RedisError) {
            return try await redis.connection().evaluate(script, call)
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
