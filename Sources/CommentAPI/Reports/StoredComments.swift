import Primitives
import Storage
import Wire

/// What the database holds, read every few seconds for the reports. ``run()`` must run.
final class StoredComments: Sendable {
    private static let interval: Duration = .seconds(2)

    private let store: PostgresCommentStore
    private let recent: @Sendable () -> [Comment]
    private let overview = Mutex<CommentOverview?>(nil)

    /// - Parameter recent: the newest comments that this process has published.
    init(store: PostgresCommentStore, recent: @escaping @Sendable () -> [Comment]) {
        self.store = store
        self.recent = recent
    }

    /// `nil` until the database has answered once; while it is away, the last answer.
    var latest: CommentOverview? { overview.withLock { $0 } }

    /// Reads until the task is cancelled; the schema must be there.
    func run() async {
        while !Task.isCancelled {
            let limit = Statistics.StoredComments.latestMax
            if let now = try? await store.overview(recent: recent().map(\.id), limit: limit) {
                overview.withLock { $0 = now }
            }
            try? await Task.sleep(for: Self.interval)
        }
    }
}
