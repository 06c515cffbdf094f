import HTTPTypes
import Hummingbird
import Identity
import ServiceRuntime
import Social
import Storage
import Wire

/// `POST /api/posts`, `GET`, `PATCH` and `DELETE /api/posts/{id}`, and the lists `GET /api/posts` and
/// `GET /api/users/{id}/posts`.
struct PostRoutes: Sendable {
    static let invalid = "invalid_post"

    let store: PostStore
    let media: MediaURLs

    func add(to router: Router<ServiceContext>) {
        router.post("api/posts") { request, context in try await create(request, context) }
        router.get("api/posts") { request, context in
            try context.require(.read)
            try await context.limit(.reads, request)
            return try await list(request, context)
        }
        router.get("api/posts/{post_id}") { request, context in
            let channel = try Self.channel(context)
            try context.require(.watch(channel))
            try await context.limit(.reads, request)
            return try await read(channel.id, context)
        }
        router.patch("api/posts/{post_id}") { request, context in try await change(request, context) }
        router.delete("api/posts/{post_id}") { request, context in try await delete(request, context) }
        router.get("api/users/{id}/posts") { request, context in
            try context.require(.read)
            try await context.limit(.reads, request)
            return try await listOfUser(request, context)
        }
    }

    /// The post's channel: its comments are there.
    private static func channel(_ context: ServiceContext) throws(APIError) -> Channel {
        guard let id = context.parameters.get("post_id"), id.utf8.count <= 64, let channel = Channel.post(id) else {
            throw .postNotFound
        }
        return channel
    }

    // MARK: Writing

    private func create(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let id = RefreshToken.random(12)
        guard let channel = Channel.post(id) else { throw APIError.postNotFound }
        // Asked before the body is read, and again with the name that it gives.
        try context.require(.write(channel, as: nil))
        try await context.limit(.posts, request)
        let fields = try await request.jsonFields(code: Self.invalid)
        let author = try context.writer(to: channel, fields, "user_id")
        let pictures = try fields.identifiers("media_ids", countMax: Post.picturesMax)
        let new = NewPost(
            id: id, author: author, content: try Self.content(fields, mayBeMissing: !pictures.isEmpty) ?? "",
            visibility: try Self.visibility(fields) ?? .public,
            takesComments: try fields.optionalFlag("comments_open") ?? true, pictures: pictures)
        do {
            switch try await store.create(new) {
            case .created(let post): return answer(post, status: .created)
            case .unknownAuthor: throw APIError.userNotFound
            case .unknownPicture: throw APIError.mediaNotFound
            }
        } catch let error as StorageError {
            throw APIError(accounts: error, invalid: Self.invalid)
        }
    }

    private func change(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let channel = try Self.channel(context)
        try context.require(.write(channel, as: nil))
        try await context.limit(.posts, request)
        let fields = try await request.jsonFields(code: Self.invalid)
        let user = try context.writer(to: channel, fields, "user_id")
        guard let revision = try fields.optionalInteger("revision") else {
            throw APIError.invalid(Self.invalid, "revision is missing: the one that was read")
        }
        let change = PostChange(
            content: try Self.content(fields, mayBeMissing: true), visibility: try Self.visibility(fields),
            takesComments: try fields.optionalFlag("comments_open"), revision: revision)
        do {
            switch try await store.change(channel.id, by: user, change) {
            case .changed(let post): return answer(post)
            case .notFound: throw APIError.postNotFound
            case .stale(let revision): throw APIError.staleRevision(revision)
            case .notAuthor(let author):
                try context.require(.write(channel, as: author))
                throw APIError.postNotFound
            }
        } catch let error as StorageError {
            if error.code == .invalid, !error.isFilteredWord {
                throw APIError.invalid(Self.invalid, "a post needs text or a picture")
            }
            throw APIError(accounts: error, invalid: Self.invalid)
        }
    }

    private func delete(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let channel = try Self.channel(context)
        // Who wrote it only the database knows: it compares.
        let isModerator = context.may(.remove(commentOf: nil))
        let nobodyNamed = RequestFields(JSONObject(), code: Self.invalid)
        let user =
            isModerator ? context.caller.subject?.id : try context.user(nobodyNamed) { .remove(commentOf: $0) }
        try await context.limit(.posts, request)
        do {
            switch try await store.delete(channel.id, by: user, isModerator: isModerator) {
            case .deleted: break
            case .notFound: throw APIError.postNotFound
            case .notAuthor(let author):
                try context.require(.remove(commentOf: author))
                throw APIError.postNotFound
            }
        } catch let error as StorageError {
            throw APIError(accounts: error, invalid: Self.invalid)
        }
        var answer = JSONText(capacity: 64)
        answer.member("id", channel.id)
        answer.member("deleted", true)
        return .json(answer.finished())
    }

    private static func content(_ fields: RequestFields, mayBeMissing: Bool) throws(APIError) -> String? {
        if mayBeMissing, try fields.optionalString("content") == nil { return nil }
        if mayBeMissing, try fields.optionalString("content") == "" { return "" }
        return try fields.text("content", charactersMax: Post.contentMax)
    }

    private static func visibility(_ fields: RequestFields) throws(APIError) -> Visibility? {
        guard let text = try fields.optionalString("visibility") else { return nil }
        guard let visibility = Visibility(rawValue: text), Visibility.choices.contains(visibility) else {
            throw .invalid(invalid, "visibility must be public or followers")
        }
        return visibility
    }

    // MARK: Reading

    private func read(_ id: String, _ context: ServiceContext) async throws -> Response {
        do {
            guard let post = try await store.post(id, for: context.caller.subject?.id) else {
                throw APIError.postNotFound
            }
            return answer(post)
        } catch let error as StorageError {
            throw APIError(accounts: error, invalid: Self.invalid)
        }
    }

    private func list(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let fields = try RequestFields(queryOf: request, code: Self.invalid)
        let list: PostList
        switch try fields.optionalString("has") {
        case nil: list = .all
        case "photo": list = .photos
        default: throw APIError.invalid(Self.invalid, "has must be photo")
        }
        return try await page(list, fields, context)
    }

    private func listOfUser(_ request: Request, _ context: ServiceContext) async throws -> Response {
        guard let id = context.parameters.get("id"), AccountRules.isName(id) else { throw APIError.userNotFound }
        return try await page(.user(id), try RequestFields(queryOf: request, code: Self.invalid), context)
    }

    private func page(_ list: PostList, _ fields: RequestFields, _ context: ServiceContext) async throws -> Response {
        let limit = try fields.pageLimit(default: 20)
        let before = try fields.cursor { list.position(of: $0) }
        do {
            let page = try await store.list(list, for: context.caller.subject?.id, before: before, limit: limit)
            guard let page else { throw APIError.userNotFound }
            return .list("posts", page.items.map { $0.json(media) }, next: page.next)
        } catch let error as StorageError {
            throw APIError(accounts: error, invalid: Self.invalid)
        }
    }

    private func answer(_ post: Post, status: HTTPResponse.Status = .ok) -> Response {
        var answer = JSONText(capacity: 512)
        answer.member("post", json: post.json(media))
        return .json(answer.finished(), status: status)
    }
}

extension Post {
    /// - Parameter more: further members.
    func json(_ urls: MediaURLs, _ more: (inout JSONText) -> Void = { _ in }) -> [UInt8] {
        var object = JSONText(capacity: 384)
        object.member("id", id)
        object.member("user_id", author)
        object.member("display_name", authorName)
        object.member("content", content)
        object.member("visibility", visibility.rawValue)
        object.member("comments_open", takesComments)
        object.member("media", json: JSONText.array(pictures.map { urls.json($0) }))
        object.member("revision", revision)
        object.member("created_at", Timestamp.text(millisecondsSinceEpoch: createdAt / 1_000))
        if let editedAt { object.member("edited_at", Timestamp.text(millisecondsSinceEpoch: editedAt / 1_000)) }
        more(&object)
        return object.finished()
    }
}

extension APIError {
    static let postNotFound = APIError(.notFound, code: "post_not_found", "there is no such post")
    static let mediaNotFound = APIError(.notFound, code: "media_not_found", "there is no such picture of this user")

    static func staleRevision(_ revision: Int) -> APIError {
        APIError(.conflict, code: "stale_revision", "the post was changed meanwhile: its revision is \(revision)")
    }
}
