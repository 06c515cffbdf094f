import Primitives
public import Storage
import Wire

/// Likes in memory: the plain statement of what ``PostgresLikeStore`` does.
public final class MemoryLikeStore: LikeStore {
    private struct Entry {
        var liked: Bool
        var version: Int64
        var at: Int64
    }

    private struct State {
        var likes: [String: [String: Entry]] = [:]
        var owners: [String: String] = [:]

        func count(_ photo: String) -> Int64 { Int64(likes[photo]?.values.count { $0.liked } ?? 0) }
        var known: Set<String> { Set(owners.keys).union(likes.keys) }
    }

    private let state = Mutex(State())

    public init() {}

    public func apply(_ changes: [LikeChange]) async throws(StorageError) -> LikeBatchOutcome {
        state.withLock { state in
            var outcome = LikeBatchOutcome()
            var moved: [String: Int] = [:]
            for (index, change) in changes.enumerated() {
                guard change.isValid else {
                    outcome.refused.append(index)
                    continue
                }
                let held = state.likes[change.photo]?[change.user]
                if let held, !change.wins(over: held.version, liked: held.liked) {
                    outcome.ignored += 1
                    continue
                }
                let entry = Entry(liked: change.liked, version: change.version, at: change.at)
                state.likes[change.photo, default: [:]][change.user] = entry
                outcome.changed += 1
                moved[change.photo, default: 0] += (change.liked ? 1 : 0) - (held?.liked == true ? 1 : 0)
            }
            for (photo, delta) in moved where delta != 0 { outcome.counts[photo] = state.count(photo) }
            return outcome
        }
    }

    public func register(photo: String, owner: String) async throws(StorageError) -> String {
        guard Identifier.isValid(photo), Identifier.isValid(owner) else {
            throw StorageError(.invalid, "the photo's id or its owner is invalid")
        }
        return state.withLock { state in
            let held = state.owners[photo] ?? owner
            state.owners[photo] = held
            return held
        }
    }

    public func counts(of photos: [String]) async throws(StorageError) -> [String: Int64] {
        state.withLock { state in
            let known = state.known.intersection(photos)
            return Dictionary(uniqueKeysWithValues: known.map { ($0, state.count($0)) })
        }
    }

    public func liked(_ keys: [LikeKey]) async throws(StorageError) -> Set<LikeKey> {
        state.withLock { state in Set(keys.filter { state.likes[$0.photo]?[$0.user]?.liked ?? false }) }
    }

    public func likers(
        of photo: String, before: LikersCursor?, limit: Int
    ) async throws(StorageError) -> Page<Liker, LikersCursor> {
        let limit = min(max(limit, 1), 1000)
        let likes = state.withLock { $0.likes[photo] ?? [:] }
        let likers = likes.filter(\.value.liked).map { Liker(user: $0.key, at: $0.value.at) }
            .sorted { ($0.at, $0.user) > ($1.at, $1.user) }
            .filter { liker in before.map { (liker.at, liker.user) < ($0.at, $0.user) } ?? true }
        return Page(likers, limit: limit) { LikersCursor(at: $0.at, user: $0.user) }
    }

    public func members(
        of photo: String, in slots: Range<Int16>, after: LikeMember?, limit: Int
    ) async throws(StorageError) -> Page<LikeMember, LikeMember> {
        let limit = min(max(limit, 1), 50_000)
        let members = rows(of: photo, in: slots).filter(\.value.liked)
            .map { LikeMember(slot: UserSlot.slot(of: $0.key), user: $0.key) }
            .sorted { ($0.slot, $0.user) < ($1.slot, $1.user) }
            .filter { member in after.map { (member.slot, member.user) > ($0.slot, $0.user) } ?? true }
        return Page(members, limit: limit) { $0 }
    }

    public func counts(in ranges: [LikeRange]) async throws(StorageError) -> [Int64] {
        ranges.map { range in Int64(rows(of: range.photo, in: range.slots).count { $0.value.liked }) }
    }

    public func newestVersions(partitions: Int) async throws(StorageError) -> [Int64] {
        state.withLock { state in
            var newest = [Int64](repeating: 0, count: partitions)
            for (user, entry) in state.likes.values.joined() {
                let partition = UserSlot.partition(of: user, partitions: partitions)
                newest[partition] = max(newest[partition], entry.version)
            }
            return newest
        }
    }

    public func newestVersion(of photo: String, in slots: Range<Int16>) async throws(StorageError) -> Int64 {
        rows(of: photo, in: slots).map(\.value.version).max() ?? 0
    }

    private func rows(of photo: String, in slots: Range<Int16>) -> [String: Entry] {
        state.withLock { $0.likes[photo] ?? [:] }.filter { slots.contains(UserSlot.slot(of: $0.key)) }
    }

    public func photos(after: String?, limit: Int) async throws(StorageError) -> [PhotoCount] {
        let limit = min(max(limit, 1), 10_000)
        return state.withLock { state in
            state.known.filter { $0 > after ?? "" }.sorted().prefix(limit)
                .map { PhotoCount(photo: $0, count: state.count($0)) }
        }
    }

    public func recount(photo: String) async throws(StorageError) -> CountRepair {
        let count = state.withLock { $0.count(photo) }
        return CountRepair(before: count, after: count)
    }

    public func purgeTombstones(olderThan age: Duration, limit: Int) async throws(StorageError) -> Int { 0 }
}
