import Foundation

/// Runs drills, each on services of its own, and writes their reports.
struct DrillRunner: Sendable {
    let settings: DrillSettings
    /// Swarm processes.
    let swarms: Int
    let binaries: Binaries
    let progress: Progress

    /// All passes of one drill; a failure stands in the report's verdict.
    ///
    /// - Throws: ``Failure/unavailable(_:)`` when the report cannot be written.
    func run(_ drill: Drill, folder path: String) async throws -> DrillReport {
        let folder = try Folders.makeReport(path)
        let command = settings.commandLine(drill.rawValue)
        progress.step("\(drill.rawValue): \(command)")
        var report = DrillReport(
            drill: drill, settings: settings, command: command, notes: DrillLayout(drill, settings).notes,
            software: await .current(directory: binaries.directory), machine: .current(),
            startedAt: RunRecorder.now())
        var failure: Failure?
        for pass in drill.passes where failure == nil {
            let recorder = DrillRecorder(name: pass.name)
            failure = await run(drill, pass, recorder, folder: folder)
            report.passes.append(recorder.pass)
        }
        report.finishedAt = RunRecorder.now()
        report.verdict = DrillJudge.verdict(on: report, failure: failure)
        try ReportFiles.write(report, to: folder)
        progress.step("  \(report.outcome) Report: \(folder)/report.md")
        return report
    }

    private func run(_ drill: Drill, _ pass: DrillPass, _ recorder: DrillRecorder, folder: String) async -> Failure? {
        await Failure.of {
            let folders = try Folders(report: pass.folder.isEmpty ? folder : "\(folder)/\(pass.folder)")
            let run = DrillRun(
                drill: drill, pass: pass, settings: settings, swarms: swarms, recorder: recorder, progress: progress)
            try await Laboratory.run(folders: folders, binaries: binaries) { try await run.run(in: $0) }
        }
    }
}
