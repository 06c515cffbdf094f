import Foundation

/// The folder of a sweep: its grid, and the report of each cell that came to its end. What stands there survives an
/// interruption, and a sweep that goes on measures only the rest.
///
///     sweep.json                the grid and its parameters
///     cells/<cell>/report.json  a finished run, as `run` writes it
///     cells/<cell>/logs/
struct SweepBook: Sendable {
    /// Absolute.
    let folder: String
    let settings: SweepSettings

    static let schemaVersion = 1

    private struct Entry: Codable {
        var schema: Int
        var kind: String
        var settings: SweepSettings
    }

    /// Begins a sweep.
    ///
    /// - Throws: ``Failure/arguments(_:)`` when another sweep is in the folder.
    init(new settings: SweepSettings, folder path: String) throws(Failure) {
        folder = try Folders.makeReport(path)
        self.settings = settings
        let file = folder + "/sweep.json"
        guard !FileManager.default.fileExists(atPath: file) else {
            throw .arguments([
                "--out \(path): holds a sweep; go on with it by 'Orchestrator sweep --resume \(path)', or take another folder"
            ])
        }
        let entry = Entry(schema: SweepBook.schemaVersion, kind: "sweep", settings: settings)
        guard let data = try? ReportFiles.json(entry) else { throw .unavailable("the grid cannot be encoded") }
        try ReportFiles.write(data, to: file)
    }

    /// Goes on with a sweep.
    ///
    /// - Throws: ``Failure/arguments(_:)`` when there is none, or one of another version.
    init(resuming path: String) throws(Failure) {
        let absolute = URL(fileURLWithPath: path).standardizedFileURL.path
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: absolute + "/sweep.json")) else {
            throw .arguments(["--resume \(path): must be the folder of a sweep; there is no sweep.json in it"])
        }
        guard let entry = try? JSONDecoder().decode(Entry.self, from: data), entry.kind == "sweep",
            entry.schema == SweepBook.schemaVersion
        else { throw .arguments(["--resume \(path): its sweep.json is none of version \(SweepBook.schemaVersion)"]) }
        folder = absolute
        settings = entry.settings
    }

    func folder(of cell: SweepCell) -> String { "\(folder)/cells/\(cell.id)" }

    /// The report of a cell that is finished: one that came to its end with these very settings, clean or not. Of a run
    /// that was interrupted or died nothing counts.
    func finished(_ cell: SweepCell) -> RunReport? {
        guard let report = try? ReportFiles.read(folder(of: cell) + "/report.json"),
            report.settings == settings.run(cell)
        else { return nil }
        return report.verdict.status == .fine || report.verdict.status == .auditFailed ? report : nil
    }

    func keep(_ report: RunReport, of cell: SweepCell) throws(Failure) {
        guard let data = try? ReportFiles.json(report) else { throw .unavailable("the report cannot be encoded") }
        try ReportFiles.write(data, to: folder(of: cell) + "/report.json")
        try ReportFiles.write(Data(report.markdown().utf8), to: folder(of: cell) + "/report.md")
    }
}
