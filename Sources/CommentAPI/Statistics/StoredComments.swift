import ServiceLifecycle
import ServiceRuntime
import ServiceStorage
import Storage
import Synchronization
import Wire

/// What the database holds, read every few seconds for the reports.
final class StoredComments: Service {
    private static let interval: Duration = .seconds(2)

    private let store: PostgresCommentStore
    private let database: ServiceDatabase
    private let recent: @Sendable () -> [Comment]
    private let overview = Mutex<CommentOverview?>(nil)

    /// - Parameter recent: the newest comments that this process has published.
    init(store: PostgresCommentStore, database: ServiceDatabase, recent: @escaping @Sendable () -> [Comment]) {
        self.store = store
        self.database = database
        self.recent = recent
    }

    /// `nil` until the database has answered once; while it is away, the last answer.
    var latest: CommentOverview? { overview.withLock { $0 } }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            guard await self.database.waitUntilMigrated() else { return }
            while !Task.isCancelled {
                let limit = Statistics.StoredComments.latestMax
                if let now = try? await self.store.overview(recent: self.recent().map(\.id), limit: limit) {
                    self.overview.withLock { $0 = now }
                }
                try? await Task.sleep(for: Self.interval)
            }
        }
    }
}
