import ServiceRuntime
import Synchronization
import Wire

/// Counts what was asked for and what was published, for the reports.
final class CommentCounters: Sendable {
    private struct State {
        var journal = PublishJournal()
        var received = 0
        var published = 0
    }

    private let state = Mutex(State())

    /// Somebody asked for a comment to be published, whatever becomes of it.
    func received() {
        state.withLock { $0.received += 1 }
    }

    /// A comment was published, by a request or by the outbox sweep.
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
    func withJournal<Result: Sendable>(_ body: (inout PublishJournal) -> sending Result) -> sending Result {
        state.withLock { body(&$0.journal) }
    }
}

/// What CommentAPI reports to StatsAPI.
struct CommentReports: ReportSource {
    let counters: CommentCounters
    let process: ServiceProcess

    func makeReport() -> CommentAPIReport {
        let counts = counters.withJournal { $0.next() }
        let totals = counters.totals()
        return CommentAPIReport(
            instanceId: process.server.instance, session: process.session, totalCommentsReceived: totals.received,
            totalCommentsPublished: totals.published, refusals: process.http.refusals,
            publishedByChannel: counts.byChannel,
            publishedElsewhere: counts.elsewhere)
    }

    func reportAccepted(_: ReportAcknowledgement) {
        counters.withJournal { $0.accepted() }
    }

    func reportFailed() {
        counters.withJournal { $0.failed() }
    }
}
