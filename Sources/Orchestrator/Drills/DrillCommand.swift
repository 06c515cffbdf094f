import ArgumentParser
import Audience
import Options
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

    @Argument(help: "The drill's name, or all.") var name: String
    @OptionGroup var settings: DrillSettings
    @OptionGroup var report: ReportOptions
    @OptionGroup var binaries: BinariesOption

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let capacity = Capacity.ofThisMachine()
            let (drills, settings) = try settings.checked(name, capacity)
            let (likes, comments) = (drills.contains { $0.crowd == .likes }, drills.contains { $0.crowd == .comments })
            let thresholds = try report.limits(
                (comments ? DrillResult.definitions : []) + (likes ? LikesResult.definitions : []))
            let binaries = try binaries.find(
                Binaries.services + (likes ? ["LikeAPI"] : []), postgres: drills.contains(where: \.needsPostgres))
            let runner = DrillRunner(
                settings: settings, swarms: ProcessPlan.swarms(settings.viewers, capacity),
                runner: ExperimentRunner(binaries: binaries, progress: Progress(), silenceMax: nil))
            guard name == "all" else {
                let (result, folder) = try await runner.run(drills[0], folder: report.folder)
                return try report.finish(result, in: folder, thresholds)
            }
            return try await runAll(drills, runner, thresholds)
        }
    }

    private func runAll(_ drills: [Drill], _ runner: DrillRunner, _ thresholds: [Threshold]) async throws -> ExitStatus
    {
        let base = await Report.begin(
            "drills", "Drills", command: runner.settings.commandLine("drill all"),
            directory: runner.runner.binaries.directory)
        let folder = try report.folder(for: base)
        var reports: [(name: String, report: Report)] = []
        // A signal that comes between two of them counts too.
        for drill in drills where !Interruption.hasCome {
            let (report, own) = try await runner.run(drill) { _ in try ReportFolder(drill.name, inside: folder.path) }
            try own.write(report)
            runner.runner.progress.step("  \(report.verdict.sentence) Report: \(own.path)/report.md")
            reports.append((drill.name, report))
            try folder.write(suite(base, reports))
        }
        var whole = suite(base, reports)
        let failure: Failure? = Interruption.hasCome ? .interrupted : nil
        whole.verdict.checks.insert(.completed(failure), at: 0)
        return try report.finish(whole, in: folder, thresholds)
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

/// Runs drills, each on services of its own.
private struct DrillRunner: Sendable {
    let settings: DrillSettings
    /// Generator processes for the viewers.
    let swarms: Int
    let runner: ExperimentRunner

    /// One drill; a failure stands in the report's verdict.
    ///
    /// - Parameter folder: makes the folder of the report.
    func run(
        _ drill: Drill, folder: (Report) throws -> ReportFolder
    ) async throws -> (report: Report, folder: ReportFolder) {
        let likes = drill.crowd == .likes ? LikesSettings.drill(drill, settings) : nil
        var base = await Report.begin(
            likes == nil ? "drill" : "likes", "Drill \(drill.name)",
            command: likes?.commandLine(drill) ?? settings.commandLine("drill \(drill.name)"),
            directory: runner.binaries.directory)
        base.notes = likes?.setup(drill).notes ?? settings.setup(drill, drill.passes[0], swarms: swarms).notes
        let folder = try folder(base)
        let report =
            if let likes {
                await runner.run(LikesResult(drill: drill, settings: likes, base: base), in: folder)
            } else {
                await runner.run(DrillResult(drill: drill, settings: settings, swarms: swarms, base: base), in: folder)
            }
        return (report, folder)
    }
}
