import Broker
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
            desk.received()
            return try await publish(request, context)
        }
    }

    private func publish(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let fields = try await request.jsonFields(code: Self.invalid)
        let user = try fields.identifier("userid")
        let video = try fields.identifier("videoid")
        let text = try fields.text("comment", charactersMax: Comment.textLengthMax)
        guard let channel = Channel.video(video) else { throw Refusal.invalid(Self.invalid, "videoid is not valid") }
        do {
            let (comment, position) = try await desk.publish(user: user, video: video, channel: channel, text: text)
            return created(comment, at: position)
        } catch {
            context.logger.debug("comment not published", metadata: ["broker.error": "\(error)"])
            throw Refusal(error)
        }
    }

    private func created(_ comment: Comment, at position: Position) -> Response {
        let placed = comment.json(at: position)
        var answer = JSONText(capacity: placed.count + 32)
        answer.member("success", true)
        answer.member("comment", json: placed)
        return .json(answer.finished(), status: .created)
    }
}

extension Refusal {
    /// A comment that is not known to be published.
    init(_ error: BrokerError) {
        switch error.code {
        case .unavailable:
            self = .unavailable("broker_unavailable", "the comment was not published: Redis is away")
        case .overloaded:
            self = .unavailable("broker_overloaded", "the comment was not published: Redis takes no more at the moment")
        case .timeout:
            self = .unavailable(
                "broker_timeout", "it is not known whether the comment was published: Redis did not answer")
        case .internal:
            self = .unavailable("broker_failed", "the comment was not published: Redis answered with an error")
        }
    }
}
