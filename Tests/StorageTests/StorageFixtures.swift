import PostgresLibpq
import Storage
import TestSupport
import Wire

/// A running comment store on a database of its own.
func withCommentStore<T: Sendable>(
    url: String? = nil, settings: CommentStoreSettings = CommentStoreSettings(), connections: Int = 2,
    _ change: (inout PostgresConfiguration) -> Void = { _ in },
    _ body: (PostgresCommentStore, PostgresPool) async throws -> T
) async throws -> T {
    try await withDatabase(url: url, connections: connections, change) { pool in
        let store = PostgresCommentStore(pool: pool, settings: settings)
        return try await withBackground({ await store.run() }) { try await body(store, pool) }
    }
}

func withLikes(_ body: (PostgresLikeStore, PostgresPool) async throws -> Void) async throws {
    try await withDatabase { pool in try await body(PostgresLikeStore(pool: pool), pool) }
}

func makeComment(_ id: String, user: String = "user1", video: String = "video1", text: String = "Great!") -> Comment {
    Comment(id: id, userid: user, videoid: video, comment: text, timestamp: "2026-01-01T12:00:00.123Z")
}

/// Stores all at once; the outcome of each by id, `nil` for stored.
func storeAll(_ comments: [Comment], in store: any CommentStore) async -> [(id: String, error: StorageError?)] {
    await withTaskGroup(of: (String, StorageError?).self) { group in
        for comment in comments {
            group.addTask { (comment.id, await thrown(StorageError.self) { try await store.store(comment) }) }
        }
        return await group.reduce(into: []) { $0.append((id: $1.0, error: $1.1)) }
    }
}
