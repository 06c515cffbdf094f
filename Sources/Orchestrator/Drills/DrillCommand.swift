import ArgumentParser
import Audience
import Foundation

/// `Orchestrator drill`: breaks something on purpose, and audits what every viewer got.
struct DrillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drill",
        abstract: "Break something while viewers watch, and say whether a comment or a like was lost.",
        discussion: """
            Drills: \(Drill.allCases.map { "\n  \($0.rawValue): \($0.story)" }.joined())
            Drills of likes: \(LikeDrill.allCases.map { "\n  \($0.rawValue): \($0.story)" }.joined())

            'all' runs them one after another. Writes report.json, report.md, report.csv and report.html.

            Exit codes: 0 fine, 64 bad arguments, 65 a promise was broken, 69 something needed is missing, 70 a process \
            died that should not, 130 interrupted.
            """)

    @Argument(help: "The drill's name, or all.") var name: String
    @Option(parsing: .unconditional, help: "Viewers, 1 to 100,000 (2,000; join-leave 10,000).")
    var viewers: String?
    @Option(parsing: .unconditional, help: "Videos, 1 to 1,000,000 (100; join-leave 1,000).")
    var streams: String?
    @Option(parsing: .unconditional, help: "Comments per second, 1 to 10,000 (200; join-leave 50).")
    var rate: String?
    @Option(parsing: .unconditional, help: "Reader processes, 1 to 20 (3; join-leave 6).")
    var readers: String?
    @Option(parsing: .unconditional, help: "The same seed makes the same audience, 0 to 2^64-1.") var seed: String?
    @Option(parsing: .unconditional, help: "Part of the viewers that never read, in slow-viewers (0.01).")
    var slowShare: String?
    @Option(help: "auto: in the drills that are about it; always; never.") var postgres: String?
    @Option(help: "Folder for the report and all logs.") var out = "report"
    @Option(help: ArgumentHelp("Folder of CommentAPI, ReaderAPI, StatsAPI and SimClient.", visibility: .hidden))
    var binaries: String?

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            if let drill = LikeDrill(rawValue: name) { return try await runLikes(drill) }
            let limits = DescriptorLimits.ofThisProcess()
            let (drills, settings) = try DrillArguments(
                name: name, viewers: viewers, streams: streams, rate: rate, readers: readers, seed: seed,
                slowShare: slowShare, postgres: postgres
            ).read(limits: limits)
            let swarms = (settings.viewers + limits.viewersPerProcess - 1) / limits.viewersPerProcess
            let runner = DrillRunner(
                settings: settings, swarms: swarms, binaries: Binaries(directory: binaries), progress: Progress())
            try runner.binaries.check(own: ["StatsAPI", "CommentAPI", "ReaderAPI", "SimClient"])
            return name == "all" ? try await runAll(drills, runner) : try await runOne(drills[0], runner)
        }
    }

    private func runLikes(_ drill: LikeDrill) async throws -> ExitStatus {
        var check = ArgumentCheck()
        var seed: UInt64 = 1
        check.readSeed("--seed", self.seed, into: &seed)
        for (option, value) in [
            ("--viewers", viewers), ("--streams", streams), ("--rate", rate), ("--readers", readers),
            ("--slow-share", slowShare), ("--postgres", postgres),
        ] where value != nil { check.refuse("\(option): \(drill.rawValue) has a crowd of its own") }
        guard check.problems.isEmpty else { throw Failure.arguments(check.problems) }
        let runner = LikesRunner(binaries: Binaries(directory: binaries), progress: Progress())
        try runner.binaries.check(own: ["LikeAPI", "ReaderAPI", "SimClient"], postgres: true)
        let report = try await runner.run(drill, .drill(drill, seed: seed), folder: out)
        Terminal.output(report.summary())
        return report.verdict.status
    }

    private func runOne(_ drill: Drill, _ runner: DrillRunner) async throws -> ExitStatus {
        let report = try await runner.run(drill, folder: out)
        Terminal.output(report.summary())
        return report.verdict.status
    }

    private func runAll(_ drills: [Drill], _ runner: DrillRunner) async throws -> ExitStatus {
        let folder = try Folders.makeReport(out)
        var suite = DrillSuiteReport(command: runner.settings.commandLine("all"))
        for drill in drills {
            suite.drills.append(try await runner.run(drill, folder: "\(folder)/\(drill.rawValue)"))
            try ReportFiles.write(suite, to: folder)
            if suite.drills.last?.verdict.status == .interrupted { break }
        }
        let likes = LikesRunner(binaries: runner.binaries, progress: runner.progress)
        for drill in LikeDrill.allCases
        where runner.settings.postgres != .never && suite.verdict.status != .interrupted {
            suite.likes.append(
                try await likes.run(
                    drill, .drill(drill, seed: runner.settings.seed), folder: "\(folder)/\(drill.rawValue)"))
            try ReportFiles.write(suite, to: folder)
        }
        Terminal.output(suite.summary())
        Terminal.output("Report: \(folder)/report.md")
        return suite.verdict.status
    }
}
