import Foundation

/// Runs likes, or drills of likes, each on services of its own, and writes their reports.
struct LikesRunner: Sendable {
    let binaries: Binaries
    let progress: Progress

    /// One run; a failure stands in the report's verdict.
    ///
    /// - Throws: ``Failure/unavailable(_:)`` when the report cannot be written.
    func run(_ drill: LikeDrill?, _ settings: LikesSettings, folder path: String) async throws -> LikesReport {
        let folders = try Folders(report: path)
        let command = settings.commandLine(drill)
        progress.step("\(drill?.rawValue ?? "likes"): \(command)")
        let recorder = LikesRecorder(
            LikesReport(
                drill: drill, settings: settings, command: command, notes: drill?.notes ?? [],
                software: await .current(directory: binaries.directory), machine: .current(),
                startedAt: RunRecorder.now()))
        let run = LikesRun(drill: drill, settings: settings, recorder: recorder, progress: progress)
        let failure = await Failure.of {
            try await Laboratory.run(folders: folders, binaries: binaries) { try await run.run(in: $0) }
        }
        let report = recorder.finished(failure)
        try ReportFiles.write(report, to: folders.report)
        progress.step("  \(report.sentence) Report: \(folders.report)/report.md")
        return report
    }
}
