import ArgumentParser
import Foundation
import Options
import Report
import Testbed

/// The folder of a sweep: its grid, and the report of each cell that came to its end. What stands there survives an
/// interruption, and a sweep that goes on measures only the rest.
///
///     sweep.json                the grid and its parameters
///     cells/<cell>/report.json  a finished run, as `run` writes it
///     cells/<cell>/logs/
struct SweepCheckpoint: Sendable {
    /// Absolute.
    let folder: String
    let settings: SweepSettings

    static let schemaVersion = 2

    private struct Entry: Codable {
        var schema: Int
        var kind: String
        /// The options of `sweep` that differ from their defaults.
        var options: [String]
    }

    /// Begins a sweep in a folder that was made for it.
    init(new settings: SweepSettings, folder: String) throws {
        self.folder = folder
        self.settings = settings
        let entry = Entry(schema: SweepCheckpoint.schemaVersion, kind: "sweep", options: settings.words)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let text = String(decoding: try encoder.encode(entry), as: UTF8.self)
        try ReportFolder(existing: folder).write(text, to: "sweep.json")
    }

    /// Goes on with a sweep.
    ///
    /// - Throws: ``Failure/arguments(_:)`` when there is none, or one of another version.
    init(resuming path: String) throws(Failure) {
        // `latest` may point elsewhere before the sweep is done.
        let absolute = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: absolute + "/sweep.json")) else {
            throw .arguments(["--resume \(path): must be the folder of a sweep; there is no sweep.json in it"])
        }
        guard let entry = try? JSONDecoder().decode(Entry.self, from: data), entry.kind == "sweep",
            entry.schema == SweepCheckpoint.schemaVersion, let settings = try? SweepSettings.parse(entry.options)
        else {
            throw .arguments(["--resume \(path): its sweep.json is none of version \(SweepCheckpoint.schemaVersion)"])
        }
        folder = absolute
        self.settings = settings
    }

    /// The report of a cell that is finished: one that came to its end with these very settings, clean or not. Of a run
    /// that was interrupted or died nothing counts.
    func finished(_ cell: SweepCell) -> Report? {
        guard let report = try? Report.read("\(folder)/cells/\(cell.id)"),
            report.command == settings.run(cell).commandLine
        else { return nil }
        return report.verdict.status == .fine || report.verdict.status == .auditFailed ? report : nil
    }

    /// A new folder for a cell that is not finished.
    func begin(_ cell: SweepCell) throws -> ReportFolder {
        try ReportFolder(cell.id, inside: "\(folder)/cells")
    }
}
