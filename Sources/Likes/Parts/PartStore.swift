import RedisNIO
import Storage
import Synchronization
import Wire

/// The parts in Redis: every call that LikeAPI makes about likes. Safe to use from any task.
final class PartStore: Sendable {
    let redis: RedisClient
    let parts: Int
    /// Whether a record stands behind Redis. Without one, what Redis does not know is empty.
    let hasRecord: Bool
    private let streamMax: Int
    private let keys: [PartKeys]
    /// The newest version of each part that this process has seen.
    private let clocks: Mutex<[Int64]>

    init(redis: RedisClient, settings: LikeSettings, hasRecord: Bool) {
        self.redis = redis
        self.parts = settings.parts
        self.hasRecord = hasRecord
        self.streamMax = settings.partStreamMax
        self.keys = (0..<settings.parts).map(PartKeys.init)
        self.clocks = Mutex(Array(repeating: 0, count: settings.parts))
    }

    /// What all processes on this Redis must agree on.
    var agreement: LikeAgreement { LikeAgreement(parts: parts, hasRecord: hasRecord) }

    func keys(_ part: Int) -> PartKeys { keys[part] }

    func part(of user: String) -> Int { UserSlot.part(of: user, parts: parts) }

    // MARK: Changing

    struct Applied {
        /// The version of the first change, and the time of all of them.
        let first: Int64
        let at: Int64
        let answers: [PartBatch.Answer]
    }

    /// The call that applies a batch.
    func call(_ batch: PartBatch, part: Int) -> RedisCommand {
        let keys = keys[part]
        var call = PartScripts.apply.call(
            keys: [keys.sizes, keys.meta, keys.changes] + batch.groups.map { keys.members($0.photo) })
        call.append(hasRecord ? "1" : "0")
        call.append(streamMax)
        call.append(clocks.withLock { $0[part] })
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

    /// Applies a batch in one call; `nil` when the part's stream is full.
    func apply(_ batch: PartBatch, part: Int) async throws(LikeError) -> Applied? {
        let reply = try await evaluate(PartScripts.apply, call(batch, part: part))
        guard let values = reply.array, let word = values.first?.text else { throw Self.strange }
        if word == "full" { return nil }
        let applied = try Self.applied(values, batch)
        let newest = applied.first + Int64(batch.changesMax)
        clocks.withLock { $0[part] = max($0[part], newest) }
        return applied
    }

    private static func applied(_ values: [RESPValue], _ batch: PartBatch) throws(LikeError) -> Applied {
        guard values.count == 4, let first = values[1].integer, let at = values[2].integer,
            let answers = values[3].array, answers.count == batch.groups.count
        else { throw strange }
        var known: [PartBatch.Answer] = []
        for (group, answer) in zip(batch.groups, answers) {
            known.append(try Self.answer(answer, users: group.likes.count + group.unlikes.count))
        }
        return Applied(first: first, at: at, answers: known)
    }

    private static func answer(_ value: RESPValue, users: Int) throws(LikeError) -> PartBatch.Answer {
        guard let fields = value.array, let flags = fields.first?.bytes else { throw strange }
        if fields.count == 1 { return .unknown(String(decoding: flags, as: UTF8.self)) }
        guard fields.count == 3, flags.count == users, let size = fields[1].integer, let version = fields[2].integer
        else { throw strange }
        return .known(
            wasMember: flags.map { $0 == UInt8(ascii: "1") }, state: PartState(size: size, version: version))
    }

    static let strange = LikeError(.internal, "Redis answered in another form")

    // MARK: Helpers for the other facets

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
