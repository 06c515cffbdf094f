import ArgumentParser
import Audience
import Placement
import Report

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

    @Option(
        parsing: .unconditional,
        help: "seed: 3 Readers, 3 people on 2 videos. reference: 100 videos, 2,500 viewers, 5 Readers (the default).")
    var preset: String?
    @Option(parsing: .unconditional, help: "Videos, 1 to 1,000,000.") var streams: String?
    @Option(parsing: .unconditional, help: "Viewers, 1 to 1,000,000.") var viewers: String?
    @Option(parsing: .unconditional, help: "Reader processes, 1 to 100.") var readers: String?
    @Option(parsing: .unconditional, help: "CommentAPI processes, 1 to 16.") var commentApis: String?
    @Option(parsing: .unconditional, help: "Comments per second over all videos, 0.1 to 100,000.") var rate: String?
    @Option(parsing: .unconditional, help: "Seconds of publishing, 1 to 86,400.") var duration: String?
    @Option(parsing: .unconditional, help: "The same seed makes the same audience, 0 to 2^64-1.") var seed: String?
    @Option(parsing: .unconditional, help: "reference, uniform, zipf:<exponent>, flash or flash:<share>.") var audience:
        String?
    @Option(parsing: .unconditional, help: "random, round-robin, least-connections, rendezvous or overflow.")
    var placement: String?
    @Option(parsing: .unconditional, help: "Swarm processes; as many as descriptors ask for, if left out.") var swarms:
        String?
    @Option(parsing: .unconditional, help: "Users who like photos each second, beside the comments; 0.1 to 100,000.")
    var likesRate: String?
    @Option(parsing: .unconditional, help: "Photos that are liked and watched, 1 to 1,000 (10).") var photos: String?
    @Option(parsing: .unconditional, help: "Part of all likes that go to the first photo, 0 to 1 (0.5).")
    var hotPhotoShare: String?
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

    private var arguments: RunArguments {
        RunArguments(
            preset: preset, streams: streams, viewers: viewers, readers: readers, commentAPIs: commentApis, rate: rate,
            duration: duration, seed: seed, audience: audience, placement: placement, swarms: swarms,
            likesRate: likesRate, photos: photos, hotPhotoShare: hotPhotoShare)
    }

    private func perform(_ settings: RunSettings, _ plan: ProcessPlan) async throws -> ExitStatus {
        let binaries = Binaries(directory: binaries)
        try binaries.check(
            own: ["StatsAPI", "CommentAPI", "ReaderAPI", "SimClient"] + (settings.likes == nil ? [] : ["LikeAPI"]))
        let thresholds = try report.limits(RunResult.definitions)
        let base = await Report.begin(
            "run", settings.title, command: settings.commandLine, directory: binaries.directory)
        let folder = try report.folder(for: base)
        let folders = try Folders(report: folder.path)
        let progress = Progress()
        progress.step("seed \(settings.seed): \(settings.commandLine)")
        let recorder = RunRecorder(RunResult(settings: settings, plan: plan, base: base))
        let failure = await Failure.of {
            try await run(settings, plan, recorder, progress, folders, binaries)
        }
        return try report.finish(recorder.finished(failure), in: folder, thresholds)
    }

    private func run(
        _ settings: RunSettings, _ plan: ProcessPlan, _ recorder: RunRecorder, _ progress: Progress, _ folders: Folders,
        _ binaries: Binaries
    ) async throws {
        if settings.preset == .seed {
            let scenario = SeedRun(
                settings: settings, plan: plan, recorder: recorder, progress: progress, folders: folders)
            return try await Laboratory.run(folders: folders, binaries: binaries) { try await scenario.run(in: $0) }
        }
        let audience = try Audience.of(
            settings.audience, channels: settings.streams, viewers: settings.viewers, seed: settings.seed)
        let scenario = CrowdRun(
            settings: settings, plan: plan, audience: audience, recorder: recorder, progress: progress, folders: folders
        )
        try await Laboratory.run(folders: folders, binaries: binaries) { try await scenario.run(in: $0) }
    }
}
