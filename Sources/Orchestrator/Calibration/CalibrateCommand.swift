import ArgumentParser
import Audience
import Foundation
import Primitives
import Report
import Testbed

/// `Orchestrator calibrate`: what things cost on this machine, for `plan`.
struct CalibrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibrate",
        abstract: "Measure what connections, writes and subscriptions cost on this machine; plan counts with it.",
        discussion: """
            Starts a private Redis, a CommentAPI and one Reader with real viewers for each load of a grid, fits the costs \
            of a Reader's model to what was measured, and writes calibration.json, beside a report for people with what \
            the model makes of each load. Loads under which the simulated viewers or the machine had no time left are \
            not used. Take a quiet machine and a release build: what else runs is counted as a cost.

            Exit codes: 0 fine, 64 bad arguments, 69 something needed is missing, noise hid a cost or a load could not be \
            measured, 70 a process died, 130 interrupted.
            """)

    @OptionGroup var arguments: CalibrationArguments
    @OptionGroup var report: ReportOptions
    @Option(help: ArgumentHelp("Folder of CommentAPI, ReaderAPI and SimClient.", visibility: .hidden))
    var binaries: String?

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let (viewers, seconds, file) = try arguments.settings(limits: .ofThisMachine())
            let binaries = Binaries(directory: binaries)
            try binaries.check(own: Binaries.services)
            let thresholds = try report.limits(Calibration.metrics.definitions)
            let base = await Report.begin(
                "calibration", "Calibration",
                command:
                    "Orchestrator calibrate --viewers \(viewers) --duration \(Format.plain(seconds)) --file \(file)",
                directory: binaries.directory)
            let folder = try report.folder(for: base)
            let calibration = try await measure(viewers, seconds, binaries, base, Folders(report: folder.path))
            let result = calibration.report(base)
            let status = try report.finish(result, in: folder, thresholds)
            // Nobody can plan with costs that noise hid: what an earlier calibration found stays.
            guard result.verdict.status == .fine else { return status }
            let url = URL(fileURLWithPath: file)
            try ReportFolder(existing: url.deletingLastPathComponent().path).write(
                try result.json(), to: url.lastPathComponent)
            StandardError.write("Calibration: \(file)")
            return status
        }
    }

    private func measure(
        _ viewers: Int, _ seconds: Double, _ binaries: Binaries, _ base: Report, _ folders: Folders
    ) async throws -> Calibration {
        let progress = Progress()
        let calibration = Locked(Calibration(environment: base.environment))
        try await Testbed.run(folders, binaries) { testbed in
            let redis = try await RedisCalibration(seconds: seconds, progress: progress).run(in: testbed)
            let reader = ReaderCalibration(
                limits: .ofThisMachine(), viewers: viewers, seconds: seconds, progress: progress)
            try await reader.run(in: testbed, into: calibration)
            calibration.update {
                $0.redis = redis
                $0.finishedAt = Report.now()
            }
        }
        return calibration.value
    }
}

/// The options of `calibrate` as they are typed.
struct CalibrationArguments: ParsableArguments {
    @Option(parsing: .unconditional, help: "Viewers of the largest load, 200 to 16,000 (16,000).") var viewers: String?
    @Option(parsing: .unconditional, help: "Seconds of each load, 1 to 600 (5).") var duration: String?
    @Option(help: "The file that plan reads (calibration.json).") var file: String?

    /// - Throws: ``Failure/arguments(_:)`` with every problem.
    func settings(limits: Capacity) throws(Failure) -> (viewers: Int, seconds: Double, file: String) {
        var check = ArgumentCheck()
        let most = max(200, min(ReaderCalibration.viewersMax, limits.viewersPerProcess))
        var (viewers, seconds) = (most, 5.0)
        check.read("--viewers", self.viewers, 200...most, into: &viewers)
        check.read("--duration", duration, 1...600, into: &seconds)
        if file?.isEmpty == true { check.refuse("--file: must be the name of a file") }
        guard check.problems.isEmpty else { throw .arguments(check.problems) }
        return (viewers, seconds, file ?? "calibration.json")
    }
}
