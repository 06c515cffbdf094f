import HTTPTypes
import Hummingbird
import Identity
import Logging
import ServiceRuntime
import Storage
import Wire

/// `POST` and `GET /api/posts/{post_id}/comments`, `GET` and `PATCH /api/comments/{id}`.
///
/// Whether a post takes a comment is asked by the statement that stores it.
struct PostCommentRoutes: Sendable {
    let service: CommentService
    /// `nil` without a database.
    let repository: PostgresCommentRepository?

    func add(to router: Router<ServiceContext>) {
        router.post("api/posts/{post_id}/comments") { request, context in
            service.counters.received()
            return try await publish(request, context)
        }
        router.get("api/posts/{post_id}/comments") { request, context in
            let fields = try RequestFields(queryOf: request, code: HistoryRoutes.invalid)
            return try await Self.page(of: try Self.channel(context), repository, request, fields, context)
        }
        router.get("api/comments/:id") { request, context in try await read(request, context) }
        router.patch("api/comments/:id") { request, context in try await edit(request, context) }
    }

    private static func channel(_ context: ServiceContext) throws(APIError) -> Channel {
        guard let id = context.parameters.get("post_id"), let channel = Channel.post(id) else { throw .postNotFound }
        return channel
    }

    /// What no comment can be called is not looked for.
    private static func id(_ context: ServiceContext) throws -> String {
        guard let id = context.parameters.get("id"), id.utf8.count <= 64, Identifier.isValid(id) else {
            throw APIError(reading: CommentError.notFound)
        }
        return id
    }

    // MARK: Writing

    private func publish(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let channel = try Self.channel(context)
        let fields = try await request.jsonFields(code: CommentRoutes.invalid)
        let text = try fields.text("content", charactersMax: Comment.textLengthMax)
        let parent = try fields.optionalIdentifier("parent")
        let user = try context.writer(to: channel, fields, "user_id")
        guard repository != nil else { throw APIError.postsNeedDatabase }
        try await context.limit(.comments, request, channel: channel)
        let key = try IdempotencyKey.read(request.headers)
        do {
            return CommentRoutes.answer(
                try await service.publish(user: user, channel: channel, text: text, parent: parent, id: key?.id))
        } catch {
            context.logger.debug("comment not published", metadata: ["comment.error": "\(error)"])
            throw APIError(publishing: error)
        }
    }

    private func edit(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let fields = try await request.jsonFields(code: CommentRoutes.invalid)
        let text = try fields.text("content", charactersMax: Comment.textLengthMax)
        guard let revision = try fields.optionalInteger("revision") else {
            throw APIError.invalid(CommentRoutes.invalid, "revision is missing: the one that was read")
        }
        let user = try context.user(fields, "user_id") { .remove(commentOf: $0) }
        guard let repository else { throw APIError.postsNeedDatabase }
        try await context.limit(.comments, request)
        do {
            let id = try Self.id(context)
            guard let stored = try await repository.comment(id, for: user) else { throw CommentError.notFound }
            try context.require(.write(stored.channel, as: user))
            return Self.answer(try await repository.edit(id, by: user, text: text, revision: revision))
        } catch {
            context.logger.debug("comment not changed", metadata: ["comment.error": "\(error)"])
            throw APIError(publishing: error)
        }
    }

    // MARK: Reading

    private func read(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try context.require(.read)
        guard let repository else { throw APIError.postsNeedDatabase }
        try await context.limit(.reads, request)
        do {
            let stored = try await repository.comment(try Self.id(context), for: context.caller.subject?.id)
            guard let stored else { throw CommentError.notFound }
            try context.require(.watch(stored.channel))
            return Self.answer(stored)
        } catch {
            throw APIError(reading: error)
        }
    }

    /// A page of the comments of a post.
    static func page(
        of channel: Channel, _ repository: PostgresCommentRepository?, _ request: Request, _ fields: RequestFields,
        _ context: ServiceContext
    ) async throws -> Response {
        let before = try fields.optionalIdentifier("before")
        let limit = try HistoryRoutes.limit(fields)
        try context.require(.watch(channel))
        guard let repository else { throw APIError.postsNeedDatabase }
        try await context.limit(.reads, request)
        do {
            let page = try await repository.comments(
                of: channel, for: context.caller.subject?.id, before: before, limit: limit)
            guard let page else { throw APIError.postNotFound }
            let comments = page.comments.map { json($0) }
            var answer = JSONText(capacity: comments.reduce(96) { $0 + $1.count + 1 })
            answer.member("postid", channel.id)
            answer.member("comments", json: JSONText.array(comments))
            if let next = page.next { answer.member("next", next) } else { answer.member("next", json: "null".utf8) }
            return .json(answer.finished())
        } catch {
            throw APIError(reading: error)
        }
    }

    private static func answer(_ stored: StoredComment) -> Response {
        var answer = JSONText(capacity: 256)
        answer.member("comment", json: json(stored))
        return .json(answer.finished())
    }

    /// As in the channel's events; of a removed one only where it stood.
    private static func json(_ stored: StoredComment) -> [UInt8] {
        let comment = stored.comment
        guard stored.isRemoved else { return stored.position.map { comment.json(at: $0) } ?? comment.json() }
        var tombstone = JSONText(capacity: 160)
        tombstone.member(comment.kind == .post ? "postid" : "videoid", comment.videoid)
        tombstone.member("timestamp", comment.timestamp)
        if let parent = comment.parent { tombstone.member("parent", parent) }
        tombstone.member("removed", true)
        tombstone.member("id", comment.id)
        return tombstone.finished()
    }
}
