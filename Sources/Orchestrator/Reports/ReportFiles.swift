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

    /// `report.json` and `report.md`.
    static func write(_ report: RunReport, to folder: String) throws(Failure) {
        let data: Data
        do { data = try json(report) } catch { throw .unavailable("the report cannot be encoded: \(error)") }
        try write(data, to: folder + "/report.json")
        try write(Data(report.markdown().utf8), to: folder + "/report.md")
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
