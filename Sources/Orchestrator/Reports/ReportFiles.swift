import Foundation

/// Writes and reads the files of a report folder.
enum ReportFiles {
    /// JSON with sorted members, so that two reports can be compared line by line.
    static func json(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value)
    }

    /// - Throws: ``Failure/unavailable(_:)`` naming the file.
    static func write(_ data: Data, to path: String) throws(Failure) {
        do {
            try data.write(to: URL(fileURLWithPath: path))
        } catch {
            throw .unavailable("cannot write \(path): \(error.localizedDescription)")
        }
    }

    /// `report.json`, `report.md`, `report.csv` and `report.html`. Without Chart.js the page has its tables and says what
    /// is missing, and so does a line on standard error.
    static func write(_ report: some Report, to folder: String) throws(Failure) {
        let data: Data
        do { data = try json(report) } catch { throw .unavailable("the report cannot be encoded: \(error)") }
        try write(data, to: folder + "/report.json")
        try write(Data(report.markdown().utf8), to: folder + "/report.md")
        try write(Data(report.csv().utf8), to: folder + "/report.csv")
        try write(Data(report.page().html(script: chartScript()).utf8), to: folder + "/report.html")
    }

    private static func chartScript() -> String? {
        do throws(Failure) {
            return try ChartScript.load()
        } catch {
            Terminal.error("Note: \(error.description)")
            return nil
        }
    }

    /// - Throws: ``Failure/arguments(_:)`` for a file that is no report of this version.
    static func read(_ path: String) throws(Failure) -> RunReport {
        struct Head: Decodable {
            var schema: Int
            var kind: String
        }
        do {
            let data = try Data(contentsOf: URL(fileURLWithPath: path))
            let head = try JSONDecoder().decode(Head.self, from: data)
            guard head.kind == "run", head.schema == RunReport.schemaVersion else {
                throw Failure.arguments([
                    "\(path): a report of kind '\(head.kind)', version \(head.schema);"
                        + " this command reads kind 'run', version \(RunReport.schemaVersion)"
                ])
            }
            return try JSONDecoder().decode(RunReport.self, from: data)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw .arguments(["\(path): not a report.json of Orchestrator: \(error.localizedDescription)"])
        }
    }
}
