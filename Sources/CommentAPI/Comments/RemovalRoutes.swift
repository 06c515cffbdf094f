import HTTPTypes
import Hummingbird
import Logging
import ServiceRuntime
import Wire

/// `DELETE /comment/{id}`, by the comment's author (`userid`) or a moderator (`Authorization: Bearer …`).
struct RemovalRoutes: Sendable {
    let repository: any CommentRepository
    /// `nil`: nobody moderates.
    let moderator: ModeratorToken?
    let counters: CommentCounters

    func add(to router: Router<ServiceContext>) {
        router.delete("comment/:id") { request, context in try await remove(request, context) }
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
        let isModerator = try isModerator(request.headers[.authorization])
        let fields = try await fields(of: request)
        let user = try fields.optionalIdentifier("userid")
        let video = try fields.optionalIdentifier("videoid")
        if !isModerator, user == nil { throw APIError.invalid(CommentRoutes.invalid, "userid is missing") }
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

    /// A token that is wrong is refused, whoever else the sender says to be.
    private func isModerator(_ authorization: String?) throws(APIError) -> Bool {
        guard let authorization else { return false }
        let words = authorization.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer", let moderator, moderator.matches(words[1]) else {
            throw APIError(removing: CommentError.forbidden)
        }
        return true
    }

    /// 200 when the removal is published, 202 when it will be.
    private func answer(_ id: String, _ outcome: RemovalOutcome) -> Response {
        var answer = JSONText()
        answer.member("success", true)
        if !outcome.isPublished { answer.member("published", false) }
        answer.member("id", id)
        answer.member("videoid", outcome.channel.id)
        return .json(answer.finished(), status: outcome.isPublished ? .ok : .accepted)
    }
}

/// The secret that lets its bearer remove anybody's comment.
struct ModeratorToken: Sendable {
    static let lengths = 16...256

    private let bytes: [UInt8]

    /// - Parameter text: not empty.
    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    /// Takes the same time whatever `text` is, its length aside: where it first differs cannot be measured.
    func matches(_ text: some StringProtocol) -> Bool {
        let other = Array(text.utf8)
        guard other.count == bytes.count else { return false }
        var difference: UInt8 = 0
        for (one, two) in zip(bytes, other) { difference |= one ^ two }
        return difference == 0
    }
}

extension ModeratorToken: CustomStringConvertible, CustomReflectable {
    var description: String { "***" }
    var customMirror: Mirror { Mirror(self, children: []) }
}
