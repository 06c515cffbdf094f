internal import Audience
internal import Glibc
internal import Primitives
internal import Wire

internal import struct Synchronization.Atomic

/// Tells StatsAPI, once a second, what the swarm does.
struct StatisticsReporter: Sendable {
    private let settings: SwarmSettings
    private let stage: SwarmStage
    private let clientID: String

    init(_ settings: SwarmSettings, _ stage: SwarmStage) {
        self.settings = settings
        self.stage = stage
        clientID = "swarm-\(settings.shard.index)-\(getpid())"
    }

    /// Until the task is cancelled.
    func run() async {
        guard !settings.statistics.isEmpty else { return }
        while (try? await Task.sleep(for: .seconds(1))) != nil { send() }
    }

    /// The last report, with the final counts: waits a moment for its answer, since the process ends after it.
    func finish() async {
        guard !settings.statistics.isEmpty else { return }
        let answered = stage.publisherBoard.reports.load(ordering: .relaxed)
        for attempt in 0..<50 {
            // A report that is under way makes the next one be dropped; so it is sent again.
            if attempt.isMultiple(of: 5) { send() }
            guard (try? await Task.sleep(for: .milliseconds(10))) != nil else { return }
            if stage.publisherBoard.reports.load(ordering: .relaxed) > answered + 1 { return }
        }
    }

    private func send() {
        stage.report(Array(JSONLine.text(report()).utf8))
    }

    private func report() -> ClientReport {
        let crowd = stage.crowdBoard.now
        let acknowledged = stage.publisherBoard.tally.withLock { $0.acknowledged }
        return ClientReport(
            clientId: clientID, viewers: settings.shard.viewers(of: settings.audience.total),
            connected: crowd.tally.watching, commentsGenerated: acknowledged, commentsConsumed: crowd.delivered,
            reconnects: crowd.reconnects)
    }
}
