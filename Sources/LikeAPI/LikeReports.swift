import ServiceRuntime
import Wire

/// What LikeAPI reports to StatsAPI: its own metrics.
struct LikeReports: ReportSource {
    let process: ServiceProcess

    func makeReport() -> LikeReport {
        func count(_ name: String) -> Int? { process.metrics.values(of: name).map { Int($0.reduce(0, +)) } }
        return LikeReport(
            instanceId: process.server.instance, session: process.session,
            changed: count("chorus_likes_changed_total") ?? 0,
            recorded: count("chorus_likes_recorded_total") ?? 0,
            backlog: process.metrics.values(of: "chorus_likes_backlog")?.max().map { Int($0) },
            lagSeconds: process.metrics.values(of: "chorus_likes_record_lag_seconds")?.max(),
            refusals: process.http.refusals)
    }

    func reportAccepted(_: ReportAcknowledgement) {}

    func reportFailed() {}
}
