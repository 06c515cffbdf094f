import HTTPTypes
import Hummingbird
import Identity
import Logging
import ServiceRuntime
import Storage
import Wire

/// `GET /history?videoid=…&before=…&limit=…`: comments of a video, newest first; with `postid=` those of a post.
struct HistoryRoutes: Sendable {
    /// The code of every refusal that names a parameter.
    static let invalid = "invalid_history"
    static let limitDefault = 50
    static let limits = 1...500

    let repository: any CommentRepository
    /// `nil` without a database.
    let posts: PostgresCommentRepository?

    func add(to router: Router<ServiceContext>) {
        router.get("history") { request, context in try await page(request, context) }
    }

    private func page(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let fields = try RequestFields(queryOf: request, code: Self.invalid)
        if try fields.optionalString("postid") != nil {
            guard let channel = Channel.post(try fields.identifier("postid")) else { throw APIError.postNotFound }
            return try await PostCommentRoutes.page(of: channel, posts, request, fields, context)
        }
        let video = try fields.identifier("videoid")
        let before = try fields.optionalIdentifier("before")
        let limit = try Self.limit(fields)
        guard let channel = Channel.video(video) else { throw APIError.invalid(Self.invalid, "videoid is not valid") }
        try context.require(.watch(channel))
        try await context.limit(.reads, request)
        do {
            return answer(try await repository.history(of: channel, before: before, limit: limit), video: video)
        } catch {
            context.logger.debug("history not read", metadata: ["comment.error": "\(error)"])
            throw APIError(reading: error)
        }
    }

    static func limit(_ fields: RequestFields) throws(APIError) -> Int {
        guard let text = try fields.optionalString("limit") else { return limitDefault }
        guard let limit = Int(text), limits.contains(limit) else {
            throw .invalid(invalid, "limit must be \(limits.lowerBound) to \(limits.upperBound)")
        }
        return limit
    }

    private func answer(_ page: CommentPage, video: String) -> Response {
        var answer = JSONText(capacity: 64 + page.comments.reduce(0) { $0 + $1.count + 1 })
        answer.member("videoid", video)
        answer.member("comments", json: Array("[".utf8) + page.comments.joined(separator: ",".utf8) + Array("]".utf8))
        if let next = page.next { answer.member("next", next) } else { answer.member("next", json: "null".utf8) }
        return .json(answer.finished())
    }
}
