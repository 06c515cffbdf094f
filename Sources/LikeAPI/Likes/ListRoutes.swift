import HTTPTypes
import Hummingbird
import Likes
import ServiceRuntime
import Storage
import Wire

/// `GET /v1/likes/{post_id}/users`, and `POST /v1/photos`: what only the record knows.
struct ListRoutes: Sendable {
    static let limitMax = 200
    static let limitUsual = 50

    let desk: LikeDesk
    let likes: (any LikeStore)?

    func add(to router: Router<ServiceContext>) {
        router.get("v1/likes/{post_id}/users") { request, context in
            let photo = try LikeRoutes.photo(context)
            return try await users(of: photo, try RequestFields(queryOf: request, code: LikeRoutes.invalid))
        }
        router.post("v1/photos") { request, _ in
            try await register(try await request.jsonFields(code: "invalid_photo"))
        }
    }

    private func users(of photo: String, _ fields: RequestFields) async throws -> Response {
        let limit = try Self.limit(fields, max: Self.limitMax, usual: Self.limitUsual)
        let cursor = try fields.optionalString("after").map { text in
            guard let cursor = LikersCursor(parsing: text) else {
                throw APIError.invalid("invalid_cursor", "after is no cursor of this list")
            }
            return cursor
        }
        guard let likes else { throw APIError.recordRequired }
        do {
            let page = try await likes.likers(of: photo, before: cursor, limit: limit)
            if page.likers.isEmpty, cursor == nil, try await likes.counts(of: [photo])[photo] == nil {
                throw APIError(.notFound, code: LikeError.Code.unknownPhoto.rawValue, "the record knows no such post")
            }
            return .json(Self.list(page))
        } catch let error as StorageError {
            throw APIError(error)
        }
    }

    private static func list(_ page: LikersPage) -> [UInt8] {
        var list: [UInt8] = [UInt8(ascii: "[")]
        for (index, liker) in page.likers.enumerated() {
            if index > 0 { list.append(UInt8(ascii: ",")) }
            var object = JSONText(capacity: 96)
            object.member("user_id", liker.user)
            object.member("liked_at", Timestamp.text(millisecondsSinceEpoch: liker.at / 1_000))
            list += object.finished()
        }
        list.append(UInt8(ascii: "]"))
        var answer = JSONText(capacity: list.count + 64)
        answer.member("users", json: list)
        if let next = page.next { answer.member("next", next.description) }
        return answer.finished()
    }

    private func register(_ fields: RequestFields) async throws -> Response {
        let photo = try fields.identifier("post_id")
        let owner = try fields.identifier("owner_id")
        guard let likes else { throw APIError.recordRequired }
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

    /// A number of 1 to `max` from the query.
    static func limit(_ fields: RequestFields, max: Int, usual: Int) throws -> Int {
        guard let text = try fields.optionalString("limit") else { return usual }
        guard let limit = Int(text), (1...max).contains(limit) else {
            throw APIError.invalid(fields.code, "limit must be 1 to \(max)")
        }
        return limit
    }
}
