import ArgumentParser
import Primitives
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

            With --file the experiment stands in a YAML file, and may have stages, and faults at times; what is typed \
            beside it comes first. With --record a trace of the run is kept, and --replay does it again, on another \
            placement for instance. While it goes, the dashboard is at the address that is printed.

            Exit codes: 0 fine, 64 bad arguments, 65 the audit found a loss, 69 something needed is missing, 70 a process \
            died, 130 interrupted.
            """)

    @Option(help: "An experiment as YAML: the same options, stages, thresholds, and faults at times.") var file: String?
    @Flag(help: "Open the dashboard in a browser while it runs.") var open = false
    @OptionGroup var settings: RunSettings
    @OptionGroup var report: ReportOptions
    @OptionGroup var binaries: BinariesOption

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let capacity = Capacity.ofThisMachine()
            let file = try file.map { path throws(Failure) in try ExperimentFile(reading: path) }
            let settings = try file?.settings(settings, capacity) ?? settings.checked(capacity)
            let programs =
                settings.preset == .social
                ? SocialPlan.programs : Binaries.services + (settings.likesRate == nil ? [] : ["LikeAPI"])
            let binaries = try binaries.find(programs, postgres: settings.preset == .social)
            let (kind, known) =
                switch settings.preset {
                case .million: ("million", CrowdResult.definitions)
                case .social: ("social", SocialResult.definitions)
                default: ("run", RunResult.definitions)
                }
            let thresholds = try file?.limits(report, known) ?? report.limits(known)
            let base = await Report.begin(
                kind, settings.title, command: file?.commandLine(self.settings) ?? settings.commandLine,
                directory: binaries.directory)
            var runner = ExperimentRunner(binaries: binaries, progress: Progress(), opensDashboard: open)
            switch settings.preset {
            case .social:
                return try await report.measure(SocialResult(settings: settings, base: base), runner, thresholds)
            case .million:
                // While a crowd comes, a process of many is answered late.
                runner.silenceMax = .seconds(60)
                let crowd = CrowdResult(settings: settings, capacity: capacity, base: base)
                return try await report.measure(crowd, runner, thresholds)
            default:
                var result = RunResult(settings: settings, plan: ProcessPlan(settings, capacity), base: base)
                result.faults = file?.faults.map(\.fault) ?? []
                result.plannedStages = file?.stages.map(\.stage) ?? []
                // What is frozen on purpose does not answer.
                if !result.faults.isEmpty { runner.silenceMax = nil }
                return try await report.measure(result, runner, thresholds)
            }
        }
    }
}

extension RunResult {
    func run(_ part: Int, in testbed: Testbed, _ gathered: Locked<Self>, _ runner: ExperimentRunner) async throws {
        if settings.preset == .seed {
            try await SmokeTest(settings: settings, plan: plan, recorder: gathered, runner: runner).run(in: testbed)
        } else {
            try await LoadTest(given: self, recorder: gathered, runner: runner).run(in: testbed)
        }
    }
}
