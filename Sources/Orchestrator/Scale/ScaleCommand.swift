import ArgumentParser
import Audience
import Options
import Placement
import Primitives
import Report
import Testbed

/// `Orchestrator scale`: the full audience on one machine, with viewers that have no sockets.
struct ScaleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale",
        abstract: "The full case on one machine: real Redis, real subscriptions, viewers without sockets.",
        discussion: """
            For each placement a private Redis and one process a Reader, with the Reader's own hub, subscriber connection and \
            placement, whose announcements go through Redis. Viewers ask any Reader, and are served or sent on as real ones; \
            they have no sockets but for a few, and count what they would get, and how late. First comments come at --rate, and \
            every delivery is checked; then Redis gets as many as it takes. The placement that the simulation computes stands \
            beside.

            With --redis-nodes Redis Clusters are compared instead: subscribers of every placement that throw away \
            what they get, and as many of the service's publishes as the busiest master takes.

            Exit codes: 0 fine, 64 bad arguments, 65 something was not as the model says, 69 something needed is missing, 70 \
            a process died, 130 interrupted.
            """)

    @OptionGroup var settings: ScaleSettings
    @OptionGroup var report: ReportOptions

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let settings = try settings.checked()
            let audience = try settings.makeAudience()
            let isClustered = !settings.redisNodes.isEmpty
            let thresholds = try report.limits(
                isClustered ? ClusterScaleResult.definitions : ScaleResult.definitions)
            let binaries = Binaries()
            try binaries.check()
            let base = await Report.begin(
                isClustered ? "scale-redis" : "scale", settings.title, command: settings.commandLine("scale"))
            // A Redis that gets all that it takes may not answer for a while.
            let runner = ExperimentRunner(binaries: binaries, progress: Progress(), silenceMax: nil)
            return isClustered
                ? try await report.measure(
                    ClusterScaleResult(settings: settings, audience: audience, base: base), runner, thresholds)
                : try await report.measure(
                    ScaleResult(settings: settings, audience: audience, base: base), runner, thresholds)
        }
    }
}

extension ScaleResult {
    func run(_ part: Int, in testbed: Testbed, _ gathered: Locked<Self>, _ runner: ExperimentRunner) async throws {
        for (readers, placement) in settings.cases {
            let layout = ScaleLayout(audience, placement: placement, readers: readers)
            let (one, placed) = try await ScaleRun(settings: settings, layout: layout, progress: runner.progress).run(
                in: testbed)
            gathered.update { $0.add(one, placed) }
        }
    }
}
