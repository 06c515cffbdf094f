import Report
import Testbed

/// Runs drills, each on services of its own, and writes their reports.
struct DrillRunner: Sendable {
    let settings: DrillSettings
    /// Swarm processes.
    let swarms: Int
    let binaries: Binaries
    let progress: Progress

    /// All passes of one drill; a failure stands in the report's verdict.
    ///
    /// - Parameter folder: makes the folder of the report.
    func run(
        _ drill: Drill, folder: (Report) throws -> ReportFolder
    ) async throws -> (report: Report, folder: ReportFolder) {
        if drill.crowd == .likes {
            return try await LikesRunner(binaries: binaries, progress: progress)
                .run(drill, .drill(drill, seed: settings.seed), folder: folder)
        }
        let command = settings.commandLine(drill.name)
        var base = await Report.begin(
            "drill", "Drill \(drill.name)", command: command, directory: binaries.directory)
        base.notes = DrillLayout(drill, settings).notes
        let folder = try folder(base)
        progress.step("\(drill.name): \(command)")
        var result = DrillResult(drill: drill, base: base)
        var failure: Failure?
        for pass in drill.passes where failure == nil {
            let recorder = DrillRecorder(name: pass.name)
            failure = await run(drill, pass, recorder, folder: folder.path)
            result.passes.append(recorder.pass)
        }
        return (result.report(failure), folder)
    }

    private func run(_ drill: Drill, _ pass: DrillPass, _ recorder: DrillRecorder, folder: String) async -> Failure? {
        await Failure.of {
            let folders = try Folders(report: pass.folder.isEmpty ? folder : "\(folder)/\(pass.folder)")
            let run = DrillRun(
                drill: drill, pass: pass, settings: settings, swarms: swarms, recorder: recorder, progress: progress)
            try await Testbed.run(folders, binaries) { try await run.run(in: $0) }
        }
    }
}
