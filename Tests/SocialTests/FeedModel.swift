import FoundationEssentials
import Placement
import Primitives
import TestSupport

@testable import Social
@testable import Storage

/// PostgreSQL and Redis as far as feeds need them, in memory, with a seeded schedule: whenever one of the two is asked,
/// something else may happen first.
///
/// Everything runs in one task; what happens in between runs to its end, and may itself be interrupted.
final class FeedModel: FeedDatabase, FeedCache, @unchecked Sendable {
    struct Post: Equatable {
        var entry: FeedEntry
        var author: String
        var isDeleted = false
        var isHidden = false
    }

    /// A feed in Redis.
    struct Kept {
        /// `nil` while it is built.
        var floor: Int64?
        var version: Int64 = 0
        var token: String
        var entries: [FeedEntry] = []
        var expiresAt: Int
    }

    static let users = (0..<6).map { "u\($0)" }
    /// Followers up to which authors are pushed; posts kept; rows that may wait.
    static let (pushMax, keptMax, waitingMax) = (3, 8, 12)

    private(set) var random: Xoshiro256
    private(set) var posts: [Post] = []
    private(set) var outbox: [Int] = []
    private var follows: [String: Set<String>] = [:]
    private var versions: [String: Int64] = [:]
    private var large: Set<String> = []
    private var seenAt: [String: Int] = [:]
    /// In hours.
    private var now = 1_000
    private var kept: [String: Kept] = [:]
    private var saved: [String: Kept] = [:]
    private var history = 0
    private var tokens = 0
    private var isAway = false
    /// How many times something may still happen in between, and how deep that is.
    private var interruptions = 0
    private var depth = 0
    private(set) var trace: [String] = []

    init(seed: UInt64) {
        random = Xoshiro256(seed: seed)
    }

    private func below(_ bound: Int) -> Int { random.below(bound) }
    private func someone() -> String { Self.users[below(Self.users.count)] }

    // MARK: What happens

    /// Something, with interruptions.
    func happen() async throws {
        interruptions = 6
        depth = 0
        try await event()
        interruptions = 0
    }

    private func interrupt() async throws {
        guard interruptions > 0, depth < 3, below(3) == 0 else { return }
        interruptions -= 1
        depth += 1
        try await event()
        depth -= 1
    }

    private func event() async throws {
        switch below(depth == 0 ? 13 : 11) {
        case 0...2: write()
        case 3: setFollow(someone(), someone(), below(3) > 0)
        case 4: change(isDeleted: true)
        case 5: change(isDeleted: false)
        case 6, 7: try await handle()
        case 8, 9: _ = try await reader.page(of: someone(), before: nil, limit: 1 + below(5))
        case 10: lose()
        case 11:
            now += below(100)
            note("now \(now)")
        default:
            isAway = below(3) == 0
            note("away \(isAway)")
        }
    }

    private func note(_ what: String) { trace.append(String(repeating: "  ", count: depth) + what) }

    private func write() {
        let sequence = Int64(posts.count + 1)
        posts.append(Post(entry: FeedEntry(sequence: sequence, post: "p\(sequence)"), author: someone()))
        outbox.append(posts.count - 1)
        note("post \(sequence) by \(posts[posts.count - 1].author)")
    }

    private func setFollow(_ user: String, _ other: String, _ follow: Bool) {
        guard user != other, follows[user, default: []].contains(other) != follow else { return }
        if follow { follows[user, default: []].insert(other) } else { follows[user]?.remove(other) }
        versions[user, default: 0] += 1
        note("\(user) follows \(other): \(follow)")
    }

    private func change(isDeleted: Bool) {
        guard !posts.isEmpty else { return }
        let index = below(posts.count)
        if isDeleted { posts[index].isDeleted = true } else { posts[index].isHidden.toggle() }
        note("post \(index + 1) deleted \(posts[index].isDeleted) hidden \(posts[index].isHidden)")
    }

    /// A row of the outbox; it stays when it cannot be handled, and may be handled twice.
    private func handle() async throws {
        guard !outbox.isEmpty else { return }
        let index = outbox[below(outbox.count)]
        let post = posts[index]
        note("push \(index + 1)")
        let row = OutboxRow(
            id: 0,
            payload: #"{"post":"\#(post.entry.post)","author":"\#(post.author)","sequence":\#(post.entry.sequence)}"#,
            attempt: 1)
        do {
            try await FeedFanout(database: self, cache: self, chunk: 2).handle([row])
        } catch is Away {
            return
        }
        if below(5) > 0 { outbox.removeAll { $0 == index } }
        note("pushed \(index + 1)")
    }

    /// Redis loses everything, or what it got since it was saved, or all is saved.
    private func lose() {
        switch below(3) {
        case 0: kept = [:]
        case 1: (kept, history) = (saved, history + 1)
        default: saved = kept
        }
        note("redis: \(kept.count) feeds, history \(history)")
    }

    // MARK: What has to be

    var reader: FeedReader {
        FeedReader(database: self, cache: self, keptMax: Self.keptMax, logger: quietLogger)
    }

    private func isIn(_ post: Post, _ viewer: String) -> Bool {
        post.author == viewer || follows[viewer, default: []].contains(post.author)
    }

    /// What SQL would say.
    func feed(of viewer: String) -> [String] {
        posts.reversed().filter { isIn($0, viewer) && !$0.isDeleted && !$0.isHidden }.map(\.entry.post)
    }

    /// All pages of a feed; nothing happens meanwhile.
    func pages(of viewer: String, limit: Int) async throws -> [[String]] {
        var pages: [[String]] = []
        var before: Int64?
        repeat {
            let page = try await reader.page(of: viewer, before: before, limit: limit)
            pages.append(page.items.map(\.post.id))
            before = page.next.flatMap { Feed.position(of: $0) }
        } while before != nil && pages.count < 200
        return pages
    }

    // MARK: FeedDatabase

    private func interrupted() async throws(StorageError) {
        do { try await interrupt() } catch { throw StorageError(any: error) }
    }

    private func entries(_ viewer: String, _ before: Int64, _ limit: Int, _ isWanted: (Post) -> Bool) -> [FeedEntry] {
        Array(
            posts.reversed().filter { $0.entry.sequence < before && !$0.isDeleted && isWanted($0) }.map(\.entry)
                .prefix(limit))
    }

    func standing(of viewer: String, before: Int64, limit: Int) async throws(StorageError) -> FeedStanding {
        try await interrupted()
        let waiting = outbox.map { posts[$0] }.filter { $0.entry.sequence < before && isIn($0, viewer) }.map(\.entry)
        return FeedStanding(
            version: versions[viewer, default: 0], isSeen: seenAt[viewer].map { now - $0 < 1 } ?? false,
            isBehind: outbox.count > Self.waitingMax, waiting: waiting,
            pulled: entries(viewer, before, limit) { large.contains($0.author) && isIn($0, viewer) })
    }

    func markSeen(_ viewer: String) async throws(StorageError) {
        try await interrupted()
        seenAt[viewer] = now
    }

    func entries(
        of viewer: String, before: Int64, limit: Int
    ) async throws(StorageError) -> (version: Int64, entries: [FeedEntry]) {
        try await interrupted()
        return (versions[viewer, default: 0], entries(viewer, before, limit) { isIn($0, viewer) })
    }

    func items(_ wanted: [String], for viewer: String) async throws(StorageError) -> [FeedItem] {
        try await interrupted()
        return posts.reversed().filter { post in
            wanted.contains(post.entry.post) && isIn(post, viewer) && !post.isDeleted && !post.isHidden
        }.map { post in
            FeedItem(
                post: Social.Post(
                    id: post.entry.post, sequence: post.entry.sequence, author: post.author, authorName: "",
                    content: "", visibility: .public, takesComments: true, revision: 1, createdAt: 0, pictures: []),
                likes: 0, isLiked: false, comments: 0)
        }
    }

    func isLarge(_ author: String) async throws(StorageError) -> Bool {
        try await interrupted()
        if follows.values.count(where: { $0.contains(author) }) > Self.pushMax { large.insert(author) }
        return large.contains(author)
    }

    func followers(of author: String, after: String, limit: Int) async throws(StorageError) -> [String] {
        try await interrupted()
        let hours = Feed.seenDays * 24
        return Array(
            Self.users.filter { user in
                user > after && follows[user, default: []].contains(author)
                    && seenAt[user].map { now - $0 < hours } ?? false
            }.prefix(limit))
    }

    // MARK: FeedCache

    struct Away: Error {}

    private func asked() async throws {
        try await interrupt()
        if isAway { throw Away() }
        kept = kept.filter { $0.value.expiresAt > now }
    }

    func read(_ viewer: String, before: Int64, limit: Int) async throws -> CachedFeed? {
        try await asked()
        guard let feed = kept[viewer], let floor = feed.floor, feed.token.hasPrefix("\(history).") else { return nil }
        return CachedFeed(
            version: feed.version, floor: floor,
            entries: Array(feed.entries.lazy.filter { $0.sequence < before }.prefix(limit)))
    }

    func begin(_ viewer: String) async throws -> String {
        try await asked()
        tokens += 1
        kept[viewer] = Kept(floor: nil, token: "\(history).\(tokens)", expiresAt: now + 1)
        return "\(history).\(tokens)"
    }

    func install(_ feed: CachedFeed, of viewer: String, token: String) async throws {
        try await asked()
        guard var held = kept[viewer], held.floor == nil, held.token == token else { return }
        held.install(feed, keptMax: Self.keptMax)
        held.expiresAt = now + 6 * 24
        kept[viewer] = held
    }

    func keep(_ viewer: String) async throws {
        try await asked()
        kept[viewer]?.expiresAt = now + 6 * 24
    }

    func push(_ entry: FeedEntry, to viewers: [String]) async throws {
        for viewer in viewers {
            try await asked()
            kept[viewer]?.push(entry, keptMax: Self.keptMax)
        }
    }
}

extension FeedModel.Kept {
    mutating func push(_ entry: FeedEntry, keptMax: Int) {
        add([entry])
        guard let gone = trim(keptMax), let floor, gone >= floor else { return }
        self.floor = gone + 1
    }

    mutating func install(_ feed: CachedFeed, keptMax: Int) {
        version = feed.version
        var floor = feed.floor
        if entries.count >= keptMax, let lowest = entries.last { floor = max(floor, lowest.sequence) }
        add(feed.entries)
        if let gone = trim(keptMax) { floor = max(floor, gone + 1) }
        self.floor = floor
    }

    private mutating func add(_ more: [FeedEntry]) {
        entries = Set(entries + more).sorted { $0.sequence > $1.sequence }
    }

    /// The highest that had to go.
    private mutating func trim(_ keptMax: Int) -> Int64? {
        guard entries.count > keptMax else { return nil }
        defer { entries = Array(entries.prefix(keptMax)) }
        return entries[keptMax].sequence
    }
}
