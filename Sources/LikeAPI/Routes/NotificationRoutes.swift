import HTTPTypes
import Hummingbird
import Identity
import Likes
import ServiceRuntime
import Storage
import Wire

/// `GET /v1/notifications` and `POST /v1/notifications/read`; and in the shape of the platform's other lists,
/// `GET /api/notifications` and `POST /api/notifications/read`.
struct NotificationRoutes: Sendable {
    static let invalid = "invalid_notification"
    /// Ids of one `read`.
    static let idsMax = 200

    let notifications: (any NotificationStore)?

    func add(to router: Router<ServiceContext>) {
        router.get("v1/notifications") { request, context in
            let (page, unread) = try await list(request, context, countsUnread: true)
            return Response.json(Self.answer(page, unread: unread))
        }
        router.get("api/notifications") { request, context in
            Self.array(try await list(request, context, countsUnread: false).page)
        }
        router.post("v1/notifications/read") { request, context in
            let asked = try await request.json(ReadRequest.self, code: Self.invalid)
            var fields = JSONObject()
            if let user = asked.user { fields.append("user_id", .string(user)) }
            return try await read(asked.ids, RequestFields(fields, code: Self.invalid), context)
        }
        router.post("api/notifications/read") { request, context in
            let fields = try await request.jsonFields(code: Self.invalid)
            return try await read(try Self.ids(fields), fields, context)
        }
    }

    private func list(
        _ request: Request, _ context: ServiceContext, countsUnread: Bool
    ) async throws -> (page: Page<UserNotification, NotificationCursor>, unread: Int) {
        let fields = try RequestFields(queryOf: request, code: Self.invalid)
        let owner = try context.user(fields, "user_id") { .notifications(of: $0) }
        let limit = try fields.pageLimit()
        let cursor = try fields.cursor { NotificationCursor(parsing: $0) }
        guard let notifications else { throw APIError.databaseRequired }
        do throws(StorageError) {
            let page = try await notifications.notifications(of: owner, before: cursor, limit: limit)
            guard countsUnread else { return (page, 0) }
            return (page, try await notifications.unreadCount(of: owner))
        } catch {
            throw APIError(error)
        }
    }

    private static func answer(_ page: Page<UserNotification, NotificationCursor>, unread: Int) -> [UInt8] {
        var answer = JSONText(capacity: page.items.count * 256 + 64)
        answer.member("notifications", json: JSONText.array(page.items.map(\.json)))
        answer.member("unread", unread)
        if let next = page.next { answer.member("next", next.description) }
        return answer.finished()
    }

    /// The bare list; the next page's address is in the header `Link` (RFC 8288).
    private static func array(_ page: Page<UserNotification, NotificationCursor>) -> Response {
        var response = Response.json(JSONText.array(page.items.map(\.plainJSON)))
        if let next = page.next, let link = HTTPField.Name("Link") {
            response.headers[link] = "</api/notifications?after=\(next.description)>; rel=\"next\""
        }
        return response
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

    /// `nil` when none are named: all of them.
    private static func ids(_ fields: RequestFields) throws(APIError) -> [Int64]? {
        guard fields.has("ids") else { return nil }
        return try fields.identifiers("ids", countMax: idsMax).map { text throws(APIError) in
            guard let id = Int64(text) else { throw .invalid(invalid, "ids holds something that is no id") }
            return id
        }
    }

    private func read(_ ids: [Int64]?, _ fields: RequestFields, _ context: ServiceContext) async throws -> Response {
        let owner = try context.user(fields, "user_id") { .notifications(of: $0) }
        guard (ids?.count ?? 0) <= Self.idsMax else {
            throw APIError.invalid(Self.invalid, "ids names more than \(Self.idsMax) notifications")
        }
        guard let notifications else { throw APIError.databaseRequired }
        do throws(StorageError) {
            let marked = try await notifications.markRead(owner: owner, ids: ids)
            var answer = JSONText(capacity: 32)
            answer.member("marked", marked)
            return .json(answer.finished())
        } catch {
            throw APIError(error)
        }
    }
}
