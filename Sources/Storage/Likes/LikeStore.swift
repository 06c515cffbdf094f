/// The database of likes: who likes which photo, and how many do.
///
/// The last writer wins by version, so that a batch may be applied again, out of order, or by two workers at once,
/// and the result is the same. Counts move by what the rows really changed, within the statement that changes them; so
/// does the ``OutboxTopic/notify`` row that leads to the owners' notifications.
public protocol LikeStore: Sendable {
    /// Applies a batch of any size; several thousand changes a statement. When it throws, some of it may be done:
    /// apply all of it again.
    func apply(_ changes: [LikeChange]) async throws(StorageError) -> LikeBatchOutcome

    /// Notes who owns a photo; the first owner stays.
    ///
    /// - Returns: the owner.
    func register(photo: String, owner: String) async throws(StorageError) -> String

    /// Counts of those photos that were ever liked or registered.
    func counts(of photos: [String]) async throws(StorageError) -> [String: Int64]

    /// Those of the likes that there are; one question, however many are asked for.
    func liked(_ keys: [LikeKey]) async throws(StorageError) -> Set<LikeKey>

    /// Who likes a photo, newest first.
    ///
    /// - Parameter limit: 1 to 1,000; others are clamped.
    func likers(
        of photo: String, before: LikersCursor?, limit: Int
    ) async throws(StorageError) -> Page<Liker, LikersCursor>

    /// Who likes a photo, of the users in some slots (see `UserSlot`), in no meaningful order: to load Redis from.
    ///
    /// - Parameter limit: 1 to 50,000; others are clamped.
    func members(
        of photo: String, in slots: Range<Int16>, after: LikeMember?, limit: Int
    ) async throws(StorageError) -> Page<LikeMember, LikeMember>

    /// How many users of each range like its photo, in the order asked; reads those ranges of an index, in few questions.
    func counts(in ranges: [LikeRange]) async throws(StorageError) -> [Int64]

    /// The newest version in some slots of a photo, tombstones included; 0 when there is none.
    func newestVersion(of photo: String, in slots: Range<Int16>) async throws(StorageError) -> Int64

    /// The newest version of all changes that were ever brought, for each of so many partitions of the users; 0 where there
    /// was none. What gives versions out and is behind this has lost some.
    func newestVersions(partitions: Int) async throws(StorageError) -> [Int64]

    /// All photos and their counts in the order of ids, to reconcile.
    ///
    /// - Parameter limit: 1 to 10,000; others are clamped.
    func photos(after: String?, limit: Int) async throws(StorageError) -> [PhotoCount]

    /// Counts a photo's likes anew and corrects its count, exact also while batches are applied.
    func recount(photo: String) async throws(StorageError) -> CountRepair

    /// Deletes tombstones (rows of unlikes) that are older than `age`. A change older than that must not come any more:
    /// it would count.
    ///
    /// - Parameter limit: rows of one call, 1 to 100,000; others are clamped.
    /// - Returns: how many were deleted.
    func purgeTombstones(olderThan age: Duration, limit: Int) async throws(StorageError) -> Int
}

/// A user's like of a photo.
public struct LikeKey: Hashable, Sendable {
    public let photo: String
    public let user: String

    public init(photo: String, user: String) {
        self.photo = photo
        self.user = user
    }
}

/// The likes of a photo by the users in some slots (see ``UserSlot``).
public struct LikeRange: Hashable, Sendable {
    public let photo: String
    public let slots: Range<Int16>

    public init(photo: String, slots: Range<Int16>) {
        self.photo = photo
        self.slots = slots
    }
}

extension LikeStore {
    public func isLiked(photo: String, by user: String) async throws(StorageError) -> Bool {
        try await !liked([LikeKey(photo: photo, user: user)]).isEmpty
    }

    public func count(of photo: String, in slots: Range<Int16>) async throws(StorageError) -> Int64 {
        try await counts(in: [LikeRange(photo: photo, slots: slots)]).first ?? 0
    }

    /// Calls `body` with pages of the users in some slots who like a photo.
    public func forEachPage(
        of photo: String, in slots: Range<Int16>, limit: Int, _ body: ([String]) async throws -> Void
    ) async throws {
        var cursor: LikeMember?
        repeat {
            let page = try await members(of: photo, in: slots, after: cursor, limit: limit)
            try await body(page.items.map(\.user))
            cursor = page.next
        } while cursor != nil
    }
}
