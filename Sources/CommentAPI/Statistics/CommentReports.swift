import ServiceRuntime
import Storage
import Wire

/// What CommentAPI tells StatsAPI.
struct CommentReports: ReportSource {
    let desk: CommentDesk
    let process: ServiceProcess
    /// `nil` without a database.
    let storedComments: StoredComments?

    func makeReport() -> CommentAPIReport {
        let counts = desk.tally.withJournal { $0.next() }
        let totals = desk.tally.totals()
        return CommentAPIReport(
            instanceId: process.server.instance, session: process.session, totalCommentsReceived: totals.received,
            totalCommentsPublished: totals.published, refusals: process.http.refusals,
            publishedByChannel: counts.byChannel, publishedElsewhere: counts.elsewhere,
            database: storedComments.map { stored in
                .init(id: stored.latest?.database, storedComments: stored.latest?.total ?? 0)
            },
            latestComments: storedComments.map { $0.latest?.latest ?? [] } ?? desk.tally.latest())
    }

    func reportAccepted(_: ReportAcknowledgement) {
        desk.tally.withJournal { $0.accepted() }
    }

    func reportFailed() {
        desk.tally.withJournal { $0.failed() }
    }
}
