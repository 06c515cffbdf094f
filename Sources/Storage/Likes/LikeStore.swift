/// The record of likes: who likes which photo, and how many do.
///
/// The last writer wins by version, so that a batch may be applied again, out of order, or by two workers at once,
/// and the result is the same. Counts move by what the rows really changed, within the statement that changes them.
public protocol LikeStore: Sendable {
    var isReady: Bool { get }

    /// Applies a batch of any size; several thousand changes a statement. When it throws, some of it may be done:
    /// apply all of it again.
    func apply(_ changes: [LikeChange]) async throws(StorageError) -> LikeBatchOutcome

    /// Notes who owns a photo; the first owner stays.
    ///
    /// - Returns: the owner.
    func register(photo: String, owner: String) async throws(StorageError) -> String

    /// Owners of those photos that have one.
    func owners(of photos: [String]) async throws(StorageError) -> [String: String]

    /// Counts of those photos that were ever liked or registered.
    func counts(of photos: [String]) async throws(StorageError) -> [String: Int64]

    func isLiked(photo: String, by user: String) async throws(StorageError) -> Bool

    /// Who likes a photo, newest first.
    ///
    /// - Parameter limit: 1 to 1,000; others are clamped.
    func likers(of photo: String, before: LikersCursor?, limit: Int) async throws(StorageError) -> LikersPage

    /// Who likes a photo, one part of the users (see `UserSlot`), in no meaningful order: to load Redis from.
    ///
    /// - Parameter limit: 1 to 50,000; others are clamped.
    func members(
        of photo: String, part: Int, parts: Int, after: MembersCursor?, limit: Int
    ) async throws(StorageError) -> MembersPage

    /// How many like a photo in one part of the users; reads that range of an index.
    func count(of photo: String, part: Int, parts: Int) async throws(StorageError) -> Int64

    /// The newest version in a part, likes that were taken back included; 0 when there is none.
    func newestVersion(of photo: String, part: Int, parts: Int) async throws(StorageError) -> Int64

    /// All photos and their counts in the order of ids, to reconcile.
    ///
    /// - Parameter limit: 1 to 10,000; others are clamped.
    func photos(after: String?, limit: Int) async throws(StorageError) -> [PhotoCount]

    /// Counts a photo's likes anew and corrects its count, exact also while batches are applied.
    func recount(photo: String) async throws(StorageError) -> CountRepair

    /// Deletes rows of likes that were taken back longer ago than `age`. A change older than that must not come any
    /// more: it would count.
    ///
    /// - Parameter limit: rows of one call, 1 to 100,000; others are clamped.
    /// - Returns: how many were deleted.
    func purgeWithdrawn(olderThan age: Duration, limit: Int) async throws(StorageError) -> Int
}
