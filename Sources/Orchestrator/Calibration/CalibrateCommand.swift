import ArgumentParser
import Audience
import Foundation
import Options
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

    @OptionGroup var settings: CalibrationSettings
    @OptionGroup var report: ReportOptions
    @OptionGroup var binaries: BinariesOption

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let settings = try settings.checked(.ofThisMachine())
            let binaries = try binaries.find(Binaries.services)
            let thresholds = try report.limits(Calibration.metrics.definitions)
            let base = await Report.begin(
                "calibration", "Calibration", command: settings.commandLine("calibrate"), directory: binaries.directory)
            let folder = try report.folder(for: base)
            let result = try await measure(settings, binaries, base, folder).report(base)
            let status = try report.finish(result, in: folder, thresholds)
            // Nobody can plan with costs that noise hid: what an earlier calibration found stays.
            guard result.verdict.status == .fine else { return status }
            let url = URL(fileURLWithPath: settings.file)
            try ReportFolder(existing: url.deletingLastPathComponent().path).write(
                try result.json(), to: url.lastPathComponent)
            StandardError.write("Calibration: \(settings.file)")
            return status
        }
    }

    private func measure(
        _ settings: CalibrationSettings, _ binaries: Binaries, _ base: Report, _ folder: ReportFolder
    ) async throws -> Calibration {
        let progress = Progress()
        var calibration = Calibration(environment: base.environment)
        calibration.redis = try await Testbed.run(Folders(report: folder.path), binaries) {
            try await RedisCalibration(seconds: settings.duration, progress: progress).run(in: $0)
        }
        let grid = ReaderCalibration(capacity: .ofThisMachine(), settings: settings, progress: progress)
        calibration.take(try await grid.run(in: folder, binaries))
        calibration.finishedAt = Report.now()
        return calibration
    }
}

/// Every parameter of a calibration, as `calibrate` reads it.
struct CalibrationSettings: ParsableArguments {
    @Option(
        "Viewers of the largest load, 200 to 16,000; as many as the descriptors allow, if left out.",
        optional(within(200...ReaderCalibration.viewersMax)))
    @Checked var viewers: Int? = nil
    @Option("Seconds of each load, 1 to 600.", within(1...600.0)) @Checked var duration = 5.0
    @Option(help: "The file that plan reads.", transform: fileName) @Checked var file = "calibration.json"

    /// With a number of viewers.
    ///
    /// - Throws: ``Failure/arguments(_:)`` with every problem.
    func checked(_ capacity: Capacity) throws(Failure) -> CalibrationSettings {
        let most = max(200, min(ReaderCalibration.viewersMax, capacity.viewersPerProcess))
        var settings = try valid(
            (viewers ?? 0) > most ? ["--viewers \(viewers ?? 0): one process holds \(capacity.viewersPerProcess)"] : [])
        settings.viewers = viewers ?? most
        return settings
    }
}
