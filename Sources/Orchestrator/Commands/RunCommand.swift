import ArgumentParser
import Audience
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

    @OptionGroup var arguments: RunArguments
    @OptionGroup var report: ReportOptions
    @Option(help: ArgumentHelp("Folder of CommentAPI, ReaderAPI, StatsAPI and SimClient.", visibility: .hidden))
    var binaries: String?

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let limits = DescriptorLimits.ofThisProcess()
            let settings = try arguments.settings(limits: limits)
            return try await perform(settings, ProcessPlan(settings, limits: limits))
        }
    }

    private func perform(_ settings: RunSettings, _ plan: ProcessPlan) async throws -> ExitStatus {
        let binaries = Binaries(directory: binaries)
        try binaries.check(own: Binaries.services + (settings.likes == nil ? [] : ["LikeAPI"]))
        let thresholds = try report.limits(RunResult.definitions)
        let base = await Report.begin(
            "run", settings.title, command: settings.commandLine, directory: binaries.directory)
        let folder = try report.folder(for: base)
        let progress = Progress()
        progress.step("seed \(settings.seed): \(settings.commandLine)")
        let result = RunResult(settings: settings, plan: plan, base: base)
        let measured = try await result.measure(Folders(report: folder.path), binaries, progress)
        return try report.finish(measured, in: folder, thresholds)
    }
}

extension RunResult {
    /// Runs it on processes of its own; a failure stands in the report's verdict.
    func measure(_ folders: Folders, _ binaries: Binaries, _ progress: Progress) async throws -> Report {
        let recorder = RunRecorder(self)
        let audience = try Audience.of(
            settings.audience, channels: settings.streams, viewers: settings.viewers, seed: settings.seed,
            crowdShare: settings.moves?.flash?.share)
        let crowd = LoadTest(
            settings: settings, plan: plan, audience: audience, recorder: recorder, progress: progress, folders: folders
        )
        let seed = SmokeTest(settings: settings, plan: plan, recorder: recorder, progress: progress, folders: folders)
        let failure = await Failure.of {
            try await Testbed.run(folders, binaries) { [settings] testbed in
                if settings.preset == .seed {
                    try await seed.run(in: testbed)
                } else {
                    try await crowd.run(in: testbed)
                }
            }
        }
        return recorder.finished(failure)
    }
}
