import ArgumentParser
import Report
import Testbed

/// `Orchestrator run`: one audience on one set of Readers, measured.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Start everything, drive it with simulated viewers, and report what came of it.",
        discussion: """
            Starts a private Redis, a StatsAPI, CommentAPIs, Readers and swarms of viewers, lets the viewers write and audit \
            every delivery, stops everything, and writes a report.

            Exit codes: 0 fine, 64 bad arguments, 65 the audit found a loss, 69 something needed is missing, 70 a process \
            died, 130 interrupted.
            """)

    @OptionGroup var settings: RunSettings
    @OptionGroup var report: ReportOptions
    @OptionGroup var binaries: BinariesOption

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let capacity = Capacity.ofThisMachine()
            let settings = try settings.checked(capacity)
            let binaries = try binaries.find(Binaries.services + (settings.likesRate == nil ? [] : ["LikeAPI"]))
            let isMillion = settings.preset == .million
            let thresholds = try report.limits(isMillion ? CrowdResult.definitions : RunResult.definitions)
            let base = await Report.begin(
                isMillion ? "million" : "run", settings.title, command: settings.commandLine,
                directory: binaries.directory)
            let folder = try report.folder(for: base)
            let runner = ExperimentRunner(binaries: binaries, progress: Progress())
            if isMillion {
                let result = CrowdResult(settings: settings, plan: ProcessPlan(settings, capacity), base: base)
                return try report.finish(await result.measure(runner, capacity, in: folder), in: folder, thresholds)
            }
            let result = RunResult(settings: settings, plan: ProcessPlan(settings, capacity), base: base)
            let measured = await result.measure(runner, in: folder)
            return try report.finish(measured, in: folder, thresholds)
        }
    }
}

extension RunResult {
    /// Runs it on processes of its own; a failure stands in the report's verdict.
    func measure(_ runner: ExperimentRunner, in folder: ReportFolder) async -> Report {
        let (settings, plan, progress) = (settings, plan, runner.progress)
        return await runner.run(
            self, in: folder,
            [
                .init { testbed, recorder in
                    if settings.preset == .seed {
                        try await SmokeTest(settings: settings, plan: plan, recorder: recorder, progress: progress)
                            .run(in: testbed)
                    } else {
                        try await LoadTest(settings: settings, plan: plan, recorder: recorder, progress: progress)
                            .run(in: testbed)
                    }
                }
            ])
    }
}
