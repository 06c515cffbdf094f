import HTTPTypes
import Hummingbird
import Identity
import Logging
import ServiceRuntime
import Wire

/// `POST /comment`.
struct CommentRoutes: Sendable {
    /// The code of every refusal that names a field.
    static let invalid = "invalid_comment"

    let service: CommentService

    func add(to router: Router<ServiceContext>) {
        router.post("comment") { request, context in
            service.counters.received()
            return try await publish(request, context)
        }
    }

    private func publish(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let fields = try await request.jsonFields(code: Self.invalid)
        let video = try fields.identifier("videoid")
        let text = try fields.text("comment", charactersMax: Comment.textLengthMax)
        guard let channel = Channel.video(video) else { throw APIError.invalid(Self.invalid, "videoid is not valid") }
        let user = try context.writer(to: channel, fields)
        try await context.limit(.comments, request, channel: channel)
        let key = try IdempotencyKey.read(request.headers)
        do {
            return Self.answer(
                try await service.publish(user: user, channel: channel, text: text, id: key?.id))
        } catch {
            context.logger.debug("comment not published", metadata: ["comment.error": "\(error)"])
            throw APIError(publishing: error)
        }
    }

    /// 201 for what is published, 202 for what is stored and will be.
    static func answer(_ publication: Publication) -> Response {
        let comment = publication.comment
        let json = publication.position.map { comment.json(at: $0) } ?? comment.json()
        var answer = JSONText(capacity: json.count + 48)
        answer.member("success", true)
        if publication.position == nil { answer.member("published", false) }
        answer.member("comment", json: json)
        return .json(answer.finished(), status: publication.position == nil ? .accepted : .created)
    }
}
