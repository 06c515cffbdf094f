import HTTPTypes
import Hummingbird
import Identity
import ServiceRuntime
import Social
import Storage
import Wire

/// `GET /api/search` and `GET /api/users/search`.
struct SearchRoutes: Sendable {
    static let invalid = "invalid_search"
    static let nameMax = 50

    let store: SearchStore
    let media: MediaURLs

    func add(to router: Router<ServiceContext>) {
        router.get("api/search") { request, context in
            try context.require(.read)
            try await context.limit(.searches, request)
            return try await search(request, context.caller.subject?.id)
        }
        router.get("api/users/search") { request, context in
            try context.require(.read)
            try await context.limit(.searches, request)
            return try await users(request, context.caller.subject?.id)
        }
    }

    // MARK: Text

    private func search(_ request: Request, _ viewer: String?) async throws -> Response {
        let fields = try RequestFields(queryOf: request, code: Self.invalid)
        let search = try Self.search(fields)
        let cursor = try fields.cursor { search.cursor(parsing: $0) }
        let limit = try fields.pageLimit(default: 20)
        let words = Highlights.words(of: search.query)
        func highlights(_ text: String) -> [UInt8] { Self.json(Highlights.ranges(of: words, in: text)) }
        do {
            switch search.kind {
            case .post:
                let page = try await store.posts(search, for: viewer, at: cursor, limit: limit)
                return try answer(page, search) { ($0.json(media), highlights($0.content)) }
            case .comment:
                let page = try await store.comments(search, for: viewer, at: cursor, limit: limit)
                return try answer(page, search) { ($0.json, highlights($0.text)) }
            case .user:
                let page = try await store.users(search, for: viewer, at: cursor, limit: limit)
                return try answer(page, search) { ($0.json(isOwn: false), highlights($0.displayName)) }
            }
        } catch let error as StorageError {
            throw APIError(accounts: error, invalid: Self.invalid)
        }
    }

    private static func search(_ fields: RequestFields) throws(APIError) -> Search {
        let query = try fields.text("q", charactersMax: Search.queryMax)
        let type = try fields.optionalString("type") ?? Search.Kind.post.rawValue
        guard let kind = Search.Kind(rawValue: type) else {
            throw .invalid(invalid, "type must be post, comment or user")
        }
        var search = Search(query: query, kind: kind, author: try fields.optionalIdentifier("author"))
        search.from = try time(fields, "from")
        search.to = try time(fields, "to")
        switch try fields.optionalString("has") {
        case nil: break
        case "photo" where kind == .post: search.hasPhoto = true
        default: throw .invalid(invalid, "has must be photo, and only posts have one")
        }
        return search
    }

    /// Microseconds since 1970, of a day or a time.
    private static func time(_ fields: RequestFields, _ name: String) throws(APIError) -> Int64? {
        guard let text = try fields.optionalString(name) else { return nil }
        let whole = text.utf8.count == 10 ? text + "T00:00:00.000Z" : text
        guard let milliseconds = TimestampText.milliseconds(of: whole) else {
            throw .invalid(invalid, "\(name) must be a time like 2026-01-01 or 2026-01-01T12:00:00.000Z")
        }
        return milliseconds * 1_000
    }

    private func answer<Hit>(
        _ page: SearchPage<Hit>?, _ search: Search, _ json: (Hit) -> (hit: [UInt8], highlights: [UInt8])
    ) throws(APIError) -> Response {
        guard let page else { throw APIError.invalid(Self.invalid, "q has no word") }
        let hits = page.hits.map { hit in
            let (text, highlights) = json(hit)
            var object = JSONText(capacity: text.count + highlights.count + 64)
            object.member("type", search.kind.rawValue)
            switch search.kind {
            case .post: object.member("post", json: text)
            case .comment: object.member("comment", json: text)
            case .user: object.member("user", json: text)
            }
            object.member("highlights", json: highlights)
            return object.finished()
        }
        let authors = page.authors.map { author in
            var object = JSONText(capacity: 64)
            object.member("user_id", author.user)
            object.member("count", author.count)
            return object.finished()
        }
        var facets = JSONText(capacity: 640)
        facets.member("author", json: JSONText.array(authors))
        facets.member("photo", page.photos)
        var total = JSONText(capacity: 40)
        total.member("value", page.total)
        total.member("relation", page.hasMore ? "gte" : "eq")
        var answer = JSONText(capacity: hits.reduce(1_024) { $0 + $1.count })
        answer.member("hits", json: JSONText.array(hits))
        answer.member("facets", json: facets.finished())
        answer.member("total", json: total.finished())
        if let next = page.next { answer.member("next", next) }
        return .json(answer.finished())
    }

    private static func json(_ ranges: [Highlights.Range]) -> [UInt8] {
        JSONText.array(
            ranges.map { range in
                var object = JSONText(capacity: 32)
                object.member("start", range.start)
                object.member("length", range.length)
                return object.finished()
            })
    }

    // MARK: Names

    private func users(_ request: Request, _ viewer: String?) async throws -> Response {
        let fields = try RequestFields(queryOf: request, code: Self.invalid)
        let text = try fields.text("q", charactersMax: Self.nameMax)
        let limit = min(try fields.pageLimit(default: 20), 50)
        do {
            let users = try await store.users(named: text, for: viewer, limit: limit)
            return .list("users", users.map { $0.json(isOwn: false) })
        } catch {
            throw APIError(accounts: error, invalid: Self.invalid)
        }
    }
}

extension FoundComment {
    var json: [UInt8] {
        var object = JSONText(capacity: 256)
        object.member("id", id)
        object.member("user_id", author)
        object.member("post_id", post)
        object.member("comment", text)
        object.member("created_at", Timestamp.text(millisecondsSinceEpoch: createdAt / 1_000))
        return object.finished()
    }
}
