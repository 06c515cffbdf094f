import HTTPTypes
import Hummingbird
import Logging
import ServiceRuntime
import Wire

/// `POST /comment`.
struct CommentRoutes: Sendable {
    /// The code of every refusal that names a field.
    static let invalid = "invalid_comment"

    let desk: CommentDesk

    func add(to router: Router<ServiceContext>) {
        router.post("comment") { request, context in
            desk.tally.received()
            return try await publish(request, context)
        }
    }

    private func publish(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let fields = try await request.jsonFields(code: Self.invalid)
        let user = try fields.identifier("userid")
        let video = try fields.identifier("videoid")
        let text = try fields.text("comment", charactersMax: Comment.textLengthMax)
        guard let channel = Channel.video(video) else { throw APIError.invalid(Self.invalid, "videoid is not valid") }
        let key = try IdempotencyKey.read(request.headers)
        do {
            return answer(
                try await desk.publish(user: user, video: video, channel: channel, text: text, id: key?.id))
        } catch {
            context.logger.debug("comment not published", metadata: ["archive.failure": "\(error)"])
            throw APIError(publishing: error)
        }
    }

    private func answer(_ publication: Publication) -> Response {
        let (status, answer) = Self.answer(publication)
        return .json(answer, status: status)
    }

    /// 201 for what is published, 202 for what is stored and will be.
    static func answer(_ publication: Publication) -> (HTTPResponse.Status, [UInt8]) {
        guard let position = publication.position else {
            return (.accepted, answer(publication.comment.json(), isPublished: false))
        }
        return (.created, answer(publication.comment.json(at: position), isPublished: true))
    }

    private static func answer(_ comment: [UInt8], isPublished: Bool) -> [UInt8] {
        var answer = JSONText(capacity: comment.count + 48)
        answer.member("success", true)
        if !isPublished { answer.member("published", false) }
        answer.member("comment", json: comment)
        return answer.finished()
    }
}
