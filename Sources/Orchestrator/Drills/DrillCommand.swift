import ArgumentParser
import Audience
import Report
import Testbed

/// `Orchestrator drill`: breaks something on purpose, and audits what every viewer got.
struct DrillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drill",
        abstract: "Break something while viewers watch, and say whether a comment or a like was lost.",
        discussion: """
            Drills: \(Drill.all.map { "\n  \($0.name): \($0.story)" }.joined())

            'all' runs them one after another.

            Exit codes: 0 fine, 64 bad arguments, 65 a promise was broken, 69 something needed is missing, 70 a process \
            died that should not, 130 interrupted.
            """)

    @OptionGroup var arguments: DrillArguments
    @OptionGroup var report: ReportOptions
    @Option(help: ArgumentHelp("Folder of CommentAPI, ReaderAPI, StatsAPI and SimClient.", visibility: .hidden))
    var binaries: String?

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let limits = DescriptorLimits.ofThisProcess()
            let (drills, settings) = try arguments.read(limits: limits)
            let likes = drills.contains { $0.crowd == .likes }
            let thresholds = try report.limits(
                (drills.contains { $0.crowd == .comments } ? DrillResult.definitions : [])
                    + (likes ? LikesResult.definitions : []))
            let swarms = (settings.viewers + limits.viewersPerProcess - 1) / limits.viewersPerProcess
            let runner = DrillRunner(
                settings: settings, swarms: swarms, binaries: Binaries(directory: binaries), progress: Progress())
            try runner.binaries.check(
                own: Binaries.services + (likes ? ["LikeAPI"] : []), postgres: drills.contains(where: \.needsPostgres))
            if arguments.name == "all" { return try await runAll(drills, runner, thresholds) }
            let (result, folder) = try await runner.run(drills[0], folder: report.folder)
            return try report.finish(result, in: folder, thresholds)
        }
    }

    private func runAll(_ drills: [Drill], _ runner: DrillRunner, _ thresholds: [Threshold]) async throws -> ExitStatus
    {
        let base = await Report.begin(
            "drills", "Drills", command: runner.settings.commandLine("all"), directory: runner.binaries.directory)
        let folder = try report.folder(for: base)
        var reports: [(name: String, report: Report)] = []
        for drill in drills where reports.last?.report.verdict.status != .interrupted {
            let (report, own) = try await runner.run(drill) { _ in try ReportFolder(drill.name, inside: folder.path) }
            try own.write(report)
            runner.progress.step("  \(report.verdict.sentence) Report: \(own.path)/report.md")
            reports.append((drill.name, report))
            try folder.write(suite(base, reports))
        }
        return try report.finish(suite(base, reports), in: folder, thresholds)
    }

    /// Of the drills that ran so far.
    private func suite(_ base: Report, _ reports: [(name: String, report: Report)]) -> Report {
        var suite = base
        suite.gather(reports, groups: ["Delivery", "Recovery", "Likes"])
        suite.summary =
            "\(reports.count { $0.report.verdict.status == .fine }) of \(reports.count) drills kept what is promised."
        suite.finishedAt = Report.now()
        suite.charts = [
            Chart(
                bars: "Seconds until the last viewer had everything", y: "s", labels: reports.map(\.name),
                [
                    (
                        "s",
                        reports.map {
                            $0.report.metrics.filter { $0.name == "time to recover" }.map(\.value).max() ?? 0
                        }
                    )
                ])
        ]
        return suite
    }
}
