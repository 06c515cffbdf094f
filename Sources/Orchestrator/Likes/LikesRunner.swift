import Report
import Testbed

/// Runs likes, or drills of likes, each on services of its own, and writes their reports.
struct LikesRunner: Sendable {
    let binaries: Binaries
    let progress: Progress

    /// One run; a failure stands in the report's verdict.
    ///
    /// - Parameter folder: makes the folder of the report.
    func run(
        _ drill: Drill?, _ settings: LikesSettings, folder: (Report) throws -> ReportFolder
    ) async throws -> (report: Report, folder: ReportFolder) {
        let command = settings.commandLine(drill)
        var base = await Report.begin(
            "likes", drill.map { "Drill \($0.name)" } ?? "Likes", command: command, directory: binaries.directory)
        base.notes = DrillLayout(drill).notes
        let folder = try folder(base)
        let folders = try Folders(report: folder.path)
        progress.step("\(drill?.name ?? "likes"): \(command)")
        let recorder = LikesRecorder(LikesResult(drill: drill, settings: settings, base: base))
        let run = LikesRun(drill: drill, settings: settings, recorder: recorder, progress: progress)
        let failure = await Failure.of {
            try await Testbed.run(folders, binaries) { try await run.run(in: $0) }
        }
        return (recorder.finished(failure), folder)
    }
}
