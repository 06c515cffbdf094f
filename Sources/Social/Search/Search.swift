/// What is looked for.
public struct Search: Equatable, Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        case post, comment, user
    }

    /// Characters of a query.
    public static let queryMax = 200
    /// The newest matches, which are ranked; those before are not looked at.
    public static let matchesMax = 1_000

    /// As `websearch_to_tsquery` reads it: words, `"a phrase"`, `or`, `-without`.
    public var query: String
    public var kind: Kind
    /// Only what this user wrote.
    public var author: String?
    /// Only what was written from here on; microseconds since 1970.
    public var from: Int64?
    /// Only what was written before; microseconds since 1970.
    public var to: Int64?
    /// Only posts with a picture.
    public var hasPhoto: Bool

    public init(
        query: String, kind: Kind, author: String? = nil, from: Int64? = nil, to: Int64? = nil, hasPhoto: Bool = false
    ) {
        self.query = query
        self.kind = kind
        self.author = author
        self.from = from
        self.to = to
        self.hasPhoto = hasPhoto
    }

    /// Where a page of the ranked matches begins.
    public struct Cursor: Equatable, Sendable {
        /// Matches before the page.
        public var offset: Int
        /// The newest match of the first page: what came later is no part of the list.
        public var newest: Int64

        public init(offset: Int, newest: Int64) {
            self.offset = offset
            self.newest = newest
        }
    }

    /// `nil` for what is no cursor of this search.
    public func cursor(parsing text: String) -> Cursor? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == fingerprint, let offset = Int(parts[1]), let newest = Int64(parts[2]),
            (1..<Self.matchesMax).contains(offset), newest > 0
        else { return nil }
        return Cursor(offset: offset, newest: newest)
    }

    func text(of cursor: Cursor) -> String { "\(fingerprint).\(cursor.offset).\(cursor.newest)" }

    /// FNV-1a of everything that is asked for: tells the cursors of two searches apart.
    private var fingerprint: String {
        let parts = [
            kind.rawValue, query, author ?? "", from.map { "\($0)" } ?? "", to.map { "\($0)" } ?? "", "\(hasPhoto)",
        ]
        let hash = parts.joined(separator: "\u{0}").utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01b3
        }
        return String(hash, radix: 16)
    }
}

/// A page of what was found.
public struct SearchPage<Hit: Sendable>: Sendable {
    /// The best first; of equal ones the newest.
    public var hits: [Hit] = []
    /// Of all matches: who wrote how many, at most ten, the most first.
    public var authors: [(user: String, count: Int)] = []
    /// Of all matches: posts with a picture.
    public var photos = 0
    /// All matches, at most ``Search/matchesMax``.
    public var total = 0
    /// There are older matches, which were not looked at.
    public var hasMore = false
    public var next: String?

    func map<Other: Sendable>(_ hits: [Other]) -> SearchPage<Other> {
        SearchPage<Other>(
            hits: hits, authors: authors, photos: photos, total: total, hasMore: hasMore, next: next)
    }
}

/// One that matches, before it is read.
struct SearchMatch: Equatable, Sendable {
    var id: String
    var sequence: Int64
    var author: String
    var hasPhoto: Bool
    /// `ts_rank`, in millionths.
    var rank: Int64
}

extension SearchPage where Hit == String {
    /// The page of ids.
    ///
    /// - Parameter matches: the newest first, with one more than ``Search/matchesMax`` when there are more.
    init(_ matches: [SearchMatch], of search: Search, at cursor: Search.Cursor?, limit: Int) {
        let all = matches.prefix(Search.matchesMax)
        hasMore = matches.count > Search.matchesMax
        total = all.count
        photos = all.count { $0.hasPhoto }
        let counts = Dictionary(grouping: all, by: \.author).mapValues(\.count)
        authors = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(10).map { ($0.key, $0.value) }
        let ranked = all.sorted { ($1.rank, $1.sequence) < ($0.rank, $0.sequence) }
        let offset = cursor?.offset ?? 0
        hits = ranked.dropFirst(offset).prefix(limit).map(\.id)
        if let newest = cursor?.newest ?? matches.first?.sequence, offset + limit < all.count {
            next = search.text(of: Search.Cursor(offset: offset + limit, newest: newest))
        }
    }
}

/// A comment on a post, as it is found.
public struct FoundComment: Equatable, Sendable {
    public var id: String
    public var author: String
    public var post: String
    public var text: String
    /// Microseconds since 1970.
    public var createdAt: Int64
}
