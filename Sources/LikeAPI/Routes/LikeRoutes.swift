import HTTPTypes
import Hummingbird
import Identity
import Likes
import ServiceRuntime
import Wire

/// `POST`, `DELETE` and `GET /v1/likes`, `POST /v1/likes/counts`; and in the style of `/comment` `POST /like` and
/// `POST /unlike`.
struct LikeRoutes: Sendable {
    /// The code of every refusal that names a field.
    static let invalid = "invalid_like"
    /// Photos of one question.
    static let countsMax = 200

    let likes: LikeService

    func add(to router: Router<ServiceContext>) {
        router.post("v1/likes") { request, context in
            try await apply(try await request.jsonFields(code: Self.invalid), request, context, liked: true)
        }
        router.delete("v1/likes") { request, context in
            // The body of a DELETE is lost on the way by some clients and proxies: the query does as well.
            let fields =
                request.uri.query == nil
                ? try await request.jsonFields(code: Self.invalid)
                : try RequestFields(queryOf: request, code: Self.invalid)
            return try await apply(fields, request, context, liked: false)
        }
        router.post("like") { request, context in
            try await apply(
                try await request.jsonFields(code: Self.invalid), request, context, liked: true, isPlain: true)
        }
        router.post("unlike") { request, context in
            try await apply(
                try await request.jsonFields(code: Self.invalid), request, context, liked: false, isPlain: true)
        }
        for post in Self.posts {
            router.get("v1/likes/\(post)") { request, context in
                let channel = try Self.channel(context)
                try context.require(.watch(channel))
                try await context.limit(.reads, request)
                return try await state(of: channel.id, try RequestFields(queryOf: request, code: Self.invalid))
            }
        }
        router.post("v1/likes/counts") { request, context in
            let asked = try await request.json(CountsRequest.self, code: Self.invalid)
            try await context.limit(.reads, request)
            return try await counts(asked, context)
        }
    }

    /// The places where a post's id stands in a path. The router takes the word `counts` for its own route whatever the
    /// method is, so that a post of that name has routes of its own.
    static let posts = ["{post_id}", "counts"]

    static func channel(_ context: ServiceContext) throws -> Channel {
        guard let channel = Channel.photo(context.parameters.get("post_id") ?? posts[1]) else {
            throw APIError.invalid(invalid, "post_id is not valid")
        }
        return channel
    }

    // MARK: Liking

    /// - Parameter isPlain: with the names of `/comment`.
    private func apply(
        _ fields: RequestFields, _ request: Request, _ context: ServiceContext, liked: Bool, isPlain: Bool = false
    ) async throws -> Response {
        let photo = try fields.identifier(isPlain ? "photoid" : "post_id")
        guard let channel = Channel.photo(photo) else { throw APIError.invalid(Self.invalid, "the photo is not valid") }
        let user = try context.writer(to: channel, fields, isPlain ? "userid" : "user_id")
        try await context.limit(.likes, request, channel: channel)
        let total = try await total(after: LikeIntent(photo: photo, user: user, liked: liked))
        var answer = JSONText(capacity: 128)
        if isPlain { answer.member("success", true) }
        answer.member(isPlain ? "photoid" : "post_id", photo)
        answer.member("liked", liked)
        answer.member(total)
        return .json(answer.finished())
    }

    private func total(after intent: LikeIntent) async throws(APIError) -> PhotoTotal {
        do throws(LikeError) {
            _ = try await likes.apply(intent)
            return try await likes.total(of: intent.photo)
        } catch {
            throw APIError(error)
        }
    }

    // MARK: Asking

    private func state(of photo: String, _ fields: RequestFields) async throws -> Response {
        let user = try fields.optionalIdentifier("user_id")
        do throws(LikeError) {
            let total = try await likes.total(of: photo)
            let liked = if let user { try await likes.isLiked([photo], by: user).first } else { Bool?.none }
            var answer = JSONText(capacity: 128)
            answer.member("post_id", photo)
            answer.member(total)
            if let liked { answer.member("liked", liked) }
            return .json(answer.finished())
        } catch {
            throw APIError(error)
        }
    }

    private struct CountsRequest: Decodable {
        var posts: [String]
        var user: String?

        enum CodingKeys: String, CodingKey {
            case posts = "post_ids"
            case user = "user_id"
        }
    }

    private func counts(_ request: CountsRequest, _ context: ServiceContext) async throws -> Response {
        let photos = request.posts
        guard !photos.isEmpty else { throw APIError.invalid(Self.invalid, "post_ids is empty") }
        guard photos.count <= Self.countsMax else {
            throw APIError.invalid("too_many_posts", "post_ids names more than \(Self.countsMax) posts")
        }
        for photo in photos {
            guard let channel = Channel.photo(photo) else {
                throw APIError.invalid(Self.invalid, "post_ids holds something that is no id")
            }
            try context.require(.watch(channel))
        }
        if let user = request.user, !Identifier.isValid(user) {
            throw APIError.invalid(Self.invalid, "user_id is not valid")
        }
        do throws(LikeError) {
            let totals = try await likes.totals(of: photos)
            let liked = if let user = request.user { try await likes.isLiked(photos, by: user) } else { [Bool]?.none }
            var answer = JSONText(capacity: photos.count * 96)
            let objects = photos.indices.map { Self.count(of: photos[$0], totals[$0], liked?[$0]) }
            answer.member("counts", json: JSONText.array(objects))
            return .json(answer.finished())
        } catch {
            throw APIError(error)
        }
    }

    /// A photo that nobody registered, where that is required, has no count.
    private static func count(of photo: String, _ total: PhotoTotal?, _ liked: Bool?) -> [UInt8] {
        var object = JSONText(capacity: 96)
        object.member("post_id", photo)
        if let total {
            object.member(total)
            if let liked { object.member("liked", liked) }
        } else {
            object.member("error", LikeError.Code.unknownPhoto.rawValue)
        }
        return object.finished()
    }
}

extension JSONText {
    mutating func member(_ total: PhotoTotal) {
        member("count", total.count)
        member("version", total.version)
    }
}
