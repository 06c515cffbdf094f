import HTTPTypes
import Hummingbird
import Identity
import Likes
import ServiceRuntime
import Storage
import Wire

/// `GET /v1/notifications` and `POST /v1/notifications/read`.
struct NotificationRoutes: Sendable {
    static let invalid = "invalid_notification"
    /// Ids of one `read`.
    static let idsMax = 200

    let notifications: (any NotificationStore)?

    func add(to router: Router<ServiceContext>) {
        router.get("v1/notifications") { request, context in
            try await list(try RequestFields(queryOf: request, code: Self.invalid), context)
        }
        router.post("v1/notifications/read") { request, context in
            try await read(try await request.json(ReadRequest.self, code: Self.invalid), context)
        }
    }

    private func list(_ fields: RequestFields, _ context: ServiceContext) async throws -> Response {
        let owner = try context.user(fields, "user_id") { .notifications(of: $0) }
        let limit = try fields.pageLimit()
        let cursor = try fields.cursor { NotificationCursor(parsing: $0) }
        guard let notifications else { throw APIError.databaseRequired }
        do throws(StorageError) {
            let page = try await notifications.notifications(of: owner, before: cursor, limit: limit)
            let unread = try await notifications.unreadCount(of: owner)
            return .json(Self.answer(page, unread: unread))
        } catch {
            throw APIError(error)
        }
    }

    private static func answer(_ page: Page<LikeNotification, NotificationCursor>, unread: Int) -> [UInt8] {
        var answer = JSONText(capacity: page.items.count * 256 + 64)
        answer.member("notifications", json: JSONText.array(page.items.map(\.json)))
        answer.member("unread", unread)
        if let next = page.next { answer.member("next", next.description) }
        return answer.finished()
    }

    private struct ReadRequest: Decodable {
        /// Missing: the caller.
        var user: String?
        /// Missing or `null`: all of them.
        var ids: [Int64]?

        enum CodingKeys: String, CodingKey {
            case user = "user_id"
            case ids
        }
    }

    private func read(_ request: ReadRequest, _ context: ServiceContext) async throws -> Response {
        var fields = JSONObject()
        if let user = request.user { fields.append("user_id", .string(user)) }
        let owner = try context.user(RequestFields(fields, code: Self.invalid), "user_id") { .notifications(of: $0) }
        guard (request.ids?.count ?? 0) <= Self.idsMax else {
            throw APIError.invalid(Self.invalid, "ids names more than \(Self.idsMax) notifications")
        }
        guard let notifications else { throw APIError.databaseRequired }
        do throws(StorageError) {
            let marked = try await notifications.markRead(owner: owner, ids: request.ids)
            var answer = JSONText(capacity: 32)
            answer.member("marked", marked)
            return .json(answer.finished())
        } catch {
            throw APIError(error)
        }
    }
}
