import Primitives
import ServiceRuntime
import Storage
import Wire

/// Counts what was asked for and what was published, for the reports.
final class CommentCounters: Sendable {
    private struct State {
        var journal = PublishCounts()
        var received = 0
        var published = 0
        /// Oldest first.
        var latest: [Comment] = []
    }

    private let state = Mutex(State())

    /// Somebody asked for a comment to be published, whatever becomes of it.
    func received() {
        state.withLock { $0.received += 1 }
    }

    /// A comment was published by a request.
    func published(_ comment: Comment, on channel: Channel) {
        state.withLock { state in
            state.published += 1
            state.journal.published(on: channel.name)
            // Not everybody may read what is on a post.
            guard channel.kind == .video else { return }
            if state.latest.count == Statistics.StoredComments.latestMax { state.latest.removeFirst() }
            state.latest.append(comment)
        }
    }

    /// A comment was removed by a request to this process.
    func removed(_ id: String) {
        state.withLock { $0.latest.removeAll { $0.id == id } }
    }

    /// The newest comments that this process has published, newest first.
    func latest() -> [Comment] { state.withLock { $0.latest.reversed() } }

    /// A comment was published by the outbox sweep.
    func published(on channel: Channel) {
        state.withLock { state in
            state.published += 1
            state.journal.published(on: channel.name)
        }
    }

    /// Comments asked for and published since the start.
    func totals() -> (received: Int, published: Int) {
        state.withLock { ($0.received, $0.published) }
    }

    /// Runs `body` on the counts of published comments by channel.
    func withJournal<Result: Sendable>(_ body: (inout PublishCounts) -> sending Result) -> sending Result {
        state.withLock { body(&$0.journal) }
    }
}

/// What CommentAPI reports to StatsAPI.
struct CommentReports: ReportSource {
    let counters: CommentCounters
    let process: ServiceProcess
    /// `nil` without a database.
    let storedComments: StoredComments?

    func makeReport() -> CommentAPIReport {
        let counts = counters.withJournal { $0.next() }
        let totals = counters.totals()
        return CommentAPIReport(
            instanceId: process.server.instance, session: process.session, totalCommentsReceived: totals.received,
            totalCommentsPublished: totals.published, refusals: process.http.refusals,
            publishedByChannel: counts.byChannel, publishedElsewhere: counts.elsewhere,
            database: storedComments.map { stored in
                .init(id: stored.latest?.database, storedComments: stored.latest?.total ?? 0)
            },
            latestComments: storedComments.map { $0.latest?.latest ?? [] } ?? counters.latest())
    }

    func reportAccepted(_: ReportAcknowledgement) {
        counters.withJournal { $0.accepted() }
    }

    func reportFailed() {
        counters.withJournal { $0.failed() }
    }
}
