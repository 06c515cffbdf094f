import HTTPTypes
import Hummingbird
import Identity
import Likes
import ServiceRuntime
import Storage
import Wire

/// `GET /v1/likes/{post_id}/users`, and `POST /v1/photos`: what only the database knows.
struct PhotoRoutes: Sendable {
    /// In front of a user's id: the picture of that user, who may say so.
    static let picture = "of:"

    let likes: (any LikeStore)?

    func add(to router: Router<ServiceContext>) {
        for post in LikeRoutes.posts {
            router.get("v1/likes/\(post)/users") { request, context in
                let channel = try LikeRoutes.channel(context)
                try context.require(.watch(channel))
                try await context.limit(.reads, request)
                return try await users(of: channel.id, try RequestFields(queryOf: request, code: LikeRoutes.invalid))
            }
        }
        router.post("v1/photos") { request, context in
            // Who is nobody is refused before the body is read.
            if context.caller == .anonymous { try context.require(.operate) }
            let fields = try await request.jsonFields(code: "invalid_photo")
            let photo = try fields.identifier("post_id")
            let owner = try fields.identifier("owner_id")
            let isOwnPicture = photo == Self.picture + owner && context.may(.account(of: owner))
            if !isOwnPicture { try context.require(.operate) }
            return try await register(photo: photo, owner: owner)
        }
    }

    private func users(of photo: String, _ fields: RequestFields) async throws -> Response {
        let limit = try fields.pageLimit()
        let cursor = try fields.cursor { LikersCursor(parsing: $0) }
        guard let likes else { throw APIError.databaseRequired }
        do {
            let page = try await likes.likers(of: photo, before: cursor, limit: limit)
            if page.items.isEmpty, cursor == nil, try await likes.counts(of: [photo])[photo] == nil {
                throw APIError(.notFound, code: LikeError.Code.unknownPhoto.rawValue, "the database knows no such post")
            }
            return .json(Self.answer(page))
        } catch let error as StorageError {
            throw APIError(error)
        }
    }

    private static func answer(_ page: Page<Liker, LikersCursor>) -> [UInt8] {
        let users = page.items.map { liker in
            var object = JSONText(capacity: 96)
            object.member("user_id", liker.user)
            object.member("liked_at", Timestamp.text(millisecondsSinceEpoch: liker.at / 1_000))
            return object.finished()
        }
        var answer = JSONText(capacity: users.count * 96 + 64)
        answer.member("users", json: JSONText.array(users))
        if let next = page.next { answer.member("next", next.description) }
        return answer.finished()
    }

    private func register(photo: String, owner: String) async throws -> Response {
        guard let likes else { throw APIError.databaseRequired }
        do throws(StorageError) {
            let held = try await likes.register(photo: photo, owner: owner)
            var answer = JSONText(capacity: 96)
            answer.member("post_id", photo)
            answer.member("owner_id", held)
            return .json(answer.finished(), status: .created)
        } catch {
            throw APIError(error)
        }
    }
}
