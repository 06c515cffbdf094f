import HTTPTypes
import Hummingbird
import Identity
import Logging
import ServiceRuntime
import Wire

/// `DELETE /comment/{id}`, and under the platform's name `DELETE /api/comments/{id}`, by the comment's author or a
/// moderator.
struct RemovalRoutes: Sendable {
    let repository: any CommentRepository
    let counters: CommentCounters

    func add(to router: Router<ServiceContext>) {
        router.delete("comment/:id") { request, context in try await remove(request, context) }
        router.delete("api/comments/:id") { request, context in try await remove(request, context) }
    }

    private func remove(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let removal = try await removal(request, context)
        do {
            let outcome = try await repository.remove(removal)
            counters.removed(removal.id)
            return answer(removal.id, outcome)
        } catch {
            context.logger.debug("comment not removed", metadata: ["comment.error": "\(error)"])
            throw APIError(removing: error)
        }
    }

    private func removal(_ request: Request, _ context: ServiceContext) async throws -> RemovalRequest {
        // What no comment can be called is not looked for.
        guard let id = context.parameters.get("id"), id.utf8.count <= 64, Identifier.isValid(id) else {
            throw APIError(removing: CommentError.notFound)
        }
        try await context.limit(.comments, request)
        let fields = try await fields(of: request)
        let video = try fields.optionalIdentifier("videoid")
        // Who wrote it only the repository knows: it compares.
        let isModerator = context.may(.remove(commentOf: nil))
        let user = isModerator ? context.caller.subject?.id : try context.user(fields) { .remove(commentOf: $0) }
        return RemovalRequest(
            id: id, channel: video.flatMap { Channel.video($0) }, user: user, isModerator: isModerator)
    }

    /// From the body when there is one, else from the query.
    private func fields(of request: Request) async throws -> RequestFields {
        if request.headers[.contentType] != nil {
            return try await request.jsonFields(code: CommentRoutes.invalid)
        }
        return try RequestFields(queryOf: request, code: CommentRoutes.invalid)
    }

    /// 200 when the removal is published, 202 when it will be.
    private func answer(_ id: String, _ outcome: RemovalOutcome) -> Response {
        var answer = JSONText()
        answer.member("success", true)
        if !outcome.isPublished { answer.member("published", false) }
        answer.member("id", id)
        answer.member(outcome.channel.kind == .post ? "postid" : "videoid", outcome.channel.id)
        return .json(answer.finished(), status: outcome.isPublished ? .ok : .accepted)
    }
}
