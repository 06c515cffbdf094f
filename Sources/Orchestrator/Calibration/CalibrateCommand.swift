import ArgumentParser
import Foundation

/// `Orchestrator calibrate`: what things cost on this machine, for `plan`.
struct CalibrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibrate",
        abstract: "Measure what connections, deliveries and subscriptions cost on this machine; plan counts with it.",
        discussion: """
            Starts a private Redis and one Reader with real viewers, and writes calibration.json, and the same for people \
            as report.md, report.csv and report.html. Take a quiet machine and a release build: what else runs is counted \
            as a cost.

            Exit codes: 0 fine, 64 bad arguments, 69 something needed is missing or noise hid a cost, 70 a process died, \
            130 interrupted.
            """)

    @Option(parsing: .unconditional, help: "Viewers of the one Reader, 200 and more (4,000).") var viewers: String?
    @Option(parsing: .unconditional, help: "Comments per second, 1 to 2,000 (50).") var rate: String?
    @Option(parsing: .unconditional, help: "Seconds of each part, 1 to 600 (6).") var duration: String?
    @Option(help: "The file that plan reads (calibration.json).") var file: String?
    @Option(help: "Folder for the report and all logs.") var out = "report"
    @Option(help: ArgumentHelp("Folder of CommentAPI, ReaderAPI and SimClient.", visibility: .hidden))
    var binaries: String?

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let settings = try CalibrationArguments(viewers: viewers, rate: rate, duration: duration, file: file)
                .settings(limits: .ofThisProcess())
            let binaries = Binaries(directory: binaries)
            try binaries.checkServices()
            let calibration = try await measure(settings, binaries)
            Terminal.output(calibration.summary())
            if let problem = calibration.problem {
                throw Failure.unavailable("noise hid a cost: \(problem). Measure again when the machine is quiet")
            }
            do {
                try ReportFiles.write(try ReportFiles.json(calibration), to: settings.file)
            } catch let failure as Failure {
                throw failure
            }
            Terminal.output("Calibration: \(settings.file)")
            return .fine
        }
    }

    private func measure(_ settings: CalibrationSettings, _ binaries: Binaries) async throws -> Calibration {
        let folders = try Folders(report: out)
        let progress = Progress()
        let calibration = Gathered(
            Calibration(
                command: settings.commandLine, software: await .current(directory: binaries.directory),
                machine: .current(), startedAt: RunRecorder.now()))
        try await Laboratory.run(folders: folders, binaries: binaries) { plant in
            let redis = try await RedisCalibration(seconds: settings.seconds, progress: progress).run(in: plant)
            let reader = try await ReaderCalibration(settings: settings, folders: folders, progress: progress).run(
                in: plant)
            calibration.update {
                $0.redis = redis
                $0.reader = reader
                $0.finishedAt = RunRecorder.now()
            }
        }
        try ReportFiles.write(calibration.value, to: folders.report)
        return calibration.value
    }
}
