import ArgumentParser
import Foundation
import Primitives
import Report
import Testbed

/// `Orchestrator calibrate`: what things cost on this machine, for `plan`.
struct CalibrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibrate",
        abstract: "Measure what connections, deliveries and subscriptions cost on this machine; plan counts with it.",
        discussion: """
            Starts a private Redis and one Reader with real viewers, and writes calibration.json, beside a report for \
            people. Take a quiet machine and a release build: what else runs is counted as a cost.

            Exit codes: 0 fine, 64 bad arguments, 69 something needed is missing or noise hid a cost, 70 a process died, \
            130 interrupted.
            """)

    @OptionGroup var arguments: CalibrationArguments
    @OptionGroup var report: ReportOptions
    @Option(help: ArgumentHelp("Folder of CommentAPI, ReaderAPI and SimClient.", visibility: .hidden))
    var binaries: String?

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let settings = try arguments.settings(limits: .ofThisMachine())
            let binaries = Binaries(directory: binaries)
            try binaries.check(own: Binaries.services)
            let thresholds = try report.limits(Calibration.metrics.definitions)
            let base = await Report.begin(
                "calibration", "Calibration", command: settings.commandLine, directory: binaries.directory)
            let folder = try report.folder(for: base)
            let calibration = try await measure(settings, binaries, base, Folders(report: folder.path))
            let result = calibration.report(base)
            let status = try report.finish(result, in: folder, thresholds)
            // Nobody can plan with costs that noise hid: what an earlier calibration found stays.
            guard result.verdict.status == .fine else { return status }
            let file = URL(fileURLWithPath: settings.file)
            try ReportFolder(existing: file.deletingLastPathComponent().path).write(
                try result.json(), to: file.lastPathComponent)
            StandardError.write("Calibration: \(settings.file)")
            return status
        }
    }

    private func measure(
        _ settings: CalibrationSettings, _ binaries: Binaries, _ base: Report, _ folders: Folders
    ) async throws -> Calibration {
        let progress = Progress()
        let calibration = Locked(Calibration(environment: base.environment))
        try await Testbed.run(folders, binaries) { testbed in
            let redis = try await RedisCalibration(seconds: settings.seconds, progress: progress).run(in: testbed)
            let reader = try await ReaderCalibration(settings: settings, folders: folders, progress: progress).run(
                in: testbed)
            calibration.update {
                $0.redis = redis
                $0.reader = reader
                $0.finishedAt = Report.now()
            }
        }
        return calibration.value
    }
}
