import Hummingbird
import Identity
import Likes
import Logging
import ServiceRuntime
import Social
import Storage
import Wire

/// `GET /api/feed`: what the caller and those whom the caller follows wrote, newest first, with counts.
struct FeedRoutes: Sendable {
    static let invalid = "invalid_feed"

    let reader: FeedReader
    let counts: LikeSnapshots
    let media: MediaURLs

    func add(to router: Router<ServiceContext>) {
        router.get("api/feed") { request, context in
            let fields = try RequestFields(queryOf: request, code: Self.invalid)
            let user = try context.user(fields, "user_id") { .account(of: $0) }
            try await context.limit(.reads, request)
            let limit = try fields.pageLimit(default: 20)
            let before = try fields.cursor { Feed.position(of: $0) }
            do {
                return answer(try await page(of: user, before: before, limit: limit, context))
            } catch let error as StorageError {
                throw APIError(accounts: error, invalid: Self.invalid)
            }
        }
    }

    /// With the counts that Redis has; where it has none, and while it is away, they are the database's.
    private func page(
        of user: String, before: Int64?, limit: Int, _ context: ServiceContext
    ) async throws -> Page<FeedItem, String> {
        var page = try await reader.page(of: user, before: before, limit: limit)
        do {
            let states = try await counts.states(of: page.items.map(\.post.id), for: user)
            for (index, state) in states.enumerated() {
                if let count = state.count { page.items[index].likes = count }
                if let isLiked = state.isLiked { page.items[index].isLiked = isLiked }
            }
        } catch {
            context.logger.debug("counts come from the database", metadata: ["error": "\(error)"])
        }
        return page
    }

    private func answer(_ page: Page<FeedItem, String>) -> Response {
        let posts = page.items.map { item in
            item.post.json(media) { object in
                object.member("likes", item.likes)
                object.member("liked", item.isLiked)
                object.member("comments", item.comments)
            }
        }
        return .list("posts", posts, next: page.next)
    }
}
