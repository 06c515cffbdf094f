import RedisNIO

extension PartStore {
    /// What Redis knows of some photos.
    struct Reading {
        /// For each photo its parts in order; `nil` where Redis has never seen the part.
        let states: [[PartState?]]
        /// Names the life of Redis's data: another one after a loss. `nil` while nobody has said so.
        let life: String?
        /// Redis's time, microseconds since 1970-01-01T00:00:00Z.
        let now: Int64
    }

    /// Reads all parts of the photos in one round trip: one command a part, however many photos.
    func read(_ photos: [String], also more: [RedisCommand] = []) async throws(LikeError) -> (Reading, [RESPValue]) {
        guard !photos.isEmpty else { return (Reading(states: [], life: nil, now: 0), []) }
        let commands =
            (0..<parts).map { RedisCommand("HMGET", [keys($0).sizes] + photos) }
            + [RedisCommand("TIME"), RedisCommand("GET", LikeKeys.settings)] + more
        let replies = try await send(commands)
        var states = Array(repeating: [PartState?](repeating: nil, count: parts), count: photos.count)
        for part in 0..<parts {
            guard let values = replies[part].array, values.count == photos.count else { throw Self.strange }
            for (index, value) in values.enumerated() {
                states[index][part] = value.bytes.flatMap { PartState(bytes: $0) }
            }
        }
        guard let time = replies[parts].array, time.count == 2, let seconds = time[0].text.flatMap({ Int64($0) }),
            let rest = time[1].text.flatMap({ Int64($0) })
        else { throw Self.strange }
        let reading = Reading(states: states, life: replies[parts + 1].text, now: seconds * 1_000_000 + rest)
        return (reading, Array(replies.dropFirst(parts + 2)))
    }

    enum Membership: Equatable {
        case known(Bool)
        /// Only the record can tell.
        case inRecord
        /// The set was here and is gone: it has to be loaded before anybody can tell.
        case mustLoad
    }

    /// Whether a user likes each of some photos, as far as Redis knows; one round trip.
    func memberships(of user: String, in photos: [String]) async throws(LikeError) -> [Membership] {
        let keys = keys(part(of: user))
        let commands = photos.flatMap { photo in
            [
                RedisCommand("HGET", keys.sizes, photo), RedisCommand("SCARD", keys.members(photo)),
                RedisCommand("SISMEMBER", keys.members(photo), user),
            ]
        }
        let replies = try await send(commands)
        return stride(from: 0, to: replies.count, by: 3).map { index in
            membership(replies[index].text, size: replies[index + 1].integer, is: replies[index + 2].integer == 1)
        }
    }

    private func membership(_ known: String?, size: Int64?, is member: Bool) -> Membership {
        guard hasRecord else { return .known(member) }
        guard let state = known.flatMap({ PartState(parsing: $0) }) else { return .inRecord }
        if state.size == size { return .known(member) }
        return state.isCold ? .inRecord : .mustLoad
    }

    /// Notes the sizes of parts that this Redis has never seen; what it knows already stays.
    func mark(_ sizes: [(photo: String, part: Int, size: Int64)]) async throws(LikeError) {
        for (part, entries) in Dictionary(grouping: sizes, by: \.part) {
            var call = PartScripts.mark.call(keys: [keys(part).sizes])
            for entry in entries {
                call.append(entry.photo)
                call.append(entry.size)
            }
            _ = try await evaluate(PartScripts.mark, call)
        }
    }
}
