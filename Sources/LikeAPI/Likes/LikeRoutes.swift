import HTTPTypes
import Hummingbird
import Likes
import ServiceRuntime
import Wire

/// `POST`, `DELETE` and `GET /v1/likes`, and `POST /v1/likes/counts`.
struct LikeRoutes: Sendable {
    /// The code of every refusal that names a field.
    static let invalid = "invalid_like"
    /// Photos of one question.
    static let countsMax = 200

    let desk: LikeDesk

    func add(to router: Router<ServiceContext>) {
        router.post("v1/likes") { request, _ in
            try await apply(try await request.jsonFields(code: Self.invalid), liked: true)
        }
        router.delete("v1/likes") { request, _ in
            // The body of a DELETE is lost on the way by some clients and proxies: the query does as well.
            let fields =
                request.uri.query == nil
                ? try await request.jsonFields(code: Self.invalid)
                : try RequestFields(queryOf: request, code: Self.invalid)
            return try await apply(fields, liked: false)
        }
        router.get("v1/likes/{post_id}") { request, context in
            let photo = try Self.photo(context)
            return try await state(of: photo, try RequestFields(queryOf: request, code: Self.invalid))
        }
        router.post("v1/likes/counts") { request, _ in
            try await counts(try await request.json(CountsRequest.self, code: Self.invalid))
        }
    }

    static func photo(_ context: ServiceContext) throws -> String {
        let photo = try context.parameters.require("post_id")
        guard Identifier.isValid(photo) else { throw APIError.invalid(invalid, "post_id is not valid") }
        return photo
    }

    private func apply(_ fields: RequestFields, liked: Bool) async throws -> Response {
        let intent = LikeIntent(
            photo: try fields.identifier("post_id"), user: try fields.identifier("user_id"), liked: liked)
        return .json(Self.answer(intent, try await desk.total(after: intent)))
    }

    static func answer(_ intent: LikeIntent, _ total: PhotoTotal) -> [UInt8] {
        var answer = JSONText(capacity: 128)
        answer.member("post_id", intent.photo)
        answer.member("liked", intent.liked)
        answer.member("count", total.count)
        answer.member("version", total.version)
        return answer.finished()
    }

    private func state(of photo: String, _ fields: RequestFields) async throws -> Response {
        let user = try fields.optionalIdentifier("user_id")
        do throws(LikeError) {
            let total = try await desk.total(of: photo)
            let liked = if let user { try await desk.isLiked([photo], by: user).first } else { Bool?.none }
            var answer = JSONText(capacity: 128)
            answer.member("post_id", photo)
            answer.member("count", total.count)
            answer.member("version", total.version)
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

    private func counts(_ request: CountsRequest) async throws -> Response {
        let photos = request.posts
        guard !photos.isEmpty else { throw APIError.invalid(Self.invalid, "post_ids is empty") }
        guard photos.count <= Self.countsMax else {
            throw APIError.invalid("too_many_posts", "post_ids names more than \(Self.countsMax) posts")
        }
        guard photos.allSatisfy({ Identifier.isValid($0) }) else {
            throw APIError.invalid(Self.invalid, "post_ids holds something that is no id")
        }
        if let user = request.user, !Identifier.isValid(user) {
            throw APIError.invalid(Self.invalid, "user_id is not valid")
        }
        do throws(LikeError) {
            let totals = try await desk.totals(of: photos)
            let liked = if let user = request.user { try await desk.isLiked(photos, by: user) } else { [Bool]?.none }
            return .json(Self.list(photos, totals, liked))
        } catch {
            throw APIError(error)
        }
    }

    /// A photo that nobody registered, where that is required, has no count.
    private static func list(_ photos: [String], _ totals: [PhotoTotal?], _ liked: [Bool]?) -> [UInt8] {
        var list: [UInt8] = [UInt8(ascii: "[")]
        for (index, (photo, total)) in zip(photos, totals).enumerated() {
            if index > 0 { list.append(UInt8(ascii: ",")) }
            var object = JSONText(capacity: 96)
            object.member("post_id", photo)
            if let total {
                object.member("count", total.count)
                object.member("version", total.version)
                if let liked { object.member("liked", liked[index]) }
            } else {
                object.member("error", LikeError.Code.unknownPhoto.rawValue)
            }
            list += object.finished()
        }
        list.append(UInt8(ascii: "]"))
        var answer = JSONText(capacity: list.count + 16)
        answer.member("counts", json: list)
        return answer.finished()
    }
}

extension LikeDesk {
    /// Applies an intent and tells the photo's total with it.
    func total(after intent: LikeIntent) async throws(APIError) -> PhotoTotal {
        do throws(LikeError) {
            _ = try await apply(intent)
            return try await total(of: intent.photo)
        } catch {
            throw APIError(error)
        }
    }
}
