import Logging
import PostgresLibpq
import Primitives
import Storage
import TestSupport
import Wire

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A started pool on a migrated database, stopped in the end. Without `url`, on a fresh one of the shared server.
func withDatabase<T>(
    url: String? = nil, _ change: (inout PostgresConfiguration) -> Void = { _ in },
    _ body: (PostgresPool) async throws -> T
) async throws -> T {
    let address: String
    if let url { address = url } else { address = try await PrivatePostgres.shared().makeDatabase() }
    var configuration = try PostgresConfiguration(url: address)
    configuration.connections = 2
    configuration.backoff = Backoff(base: .milliseconds(20), cap: .milliseconds(100))
    change(&configuration)
    let pool = PostgresPool(configuration: configuration, logger: quietLogger)
    pool.start()
    do {
        try await Migrator().migrate(pool)
        let value = try await body(pool)
        await pool.stop()
        return value
    } catch {
        await pool.stop()
        throw error
    }
}

/// A running comment store on a database of its own.
func withCommentStore<T>(
    url: String? = nil, settings: CommentStoreSettings = CommentStoreSettings(),
    _ change: (inout PostgresConfiguration) -> Void = { _ in },
    _ body: (PostgresCommentStore, PostgresPool) async throws -> T
) async throws -> T {
    try await withDatabase(url: url, change) { pool in
        let store = PostgresCommentStore(pool: pool, settings: settings)
        let service = Task { await store.run() }
        do {
            let value = try await body(store, pool)
            service.cancel()
            await service.value
            return value
        } catch {
            service.cancel()
            await service.value
            throw error
        }
    }
}

func makeComment(_ id: String, user: String = "user1", video: String = "video1", text: String = "Great!") -> Comment {
    Comment(id: id, userid: user, videoid: video, comment: text, timestamp: "2026-01-01T12:00:00.123Z")
}

/// The ``StorageError`` that `body` throws.
func storageError(_ body: () async throws -> Void) async -> StorageError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? StorageError
    }
}

/// Waits until `condition` holds; `false` when it does not within `limit`.
func comesTrue(within limit: Duration = .seconds(10), _ condition: () async -> Bool) async -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if await condition() { return true }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return false
}

/// Stores all at once; the outcome of each by id, `nil` for stored.
func storeAll(_ comments: [Comment], in store: any CommentStore) async -> [(id: String, error: StorageError?)] {
    await withTaskGroup(of: (String, StorageError?).self) { group in
        for comment in comments {
            group.addTask { (comment.id, await storageError { try await store.store(comment) }) }
        }
        return await group.reduce(into: []) { $0.append((id: $1.0, error: $1.1)) }
    }
}
