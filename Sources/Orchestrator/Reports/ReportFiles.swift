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

    /// The report of a run.
    ///
    /// - Throws: ``Failure/arguments(_:)`` for a file that is no report of this version.
    static func read(_ path: String) throws(Failure) -> RunReport {
        try read(path, as: RunReport.self)
    }

    static func read<Kind: ComparableReport & Decodable>(_ path: String, as type: Kind.Type) throws(Failure) -> Kind {
        let head = try head(path)
        guard head.kind == Kind.kind, head.schema == Kind.schemaVersion else {
            throw Failure.arguments([
                "\(path): a report of kind '\(head.kind)', version \(head.schema);"
                    + " this command reads kind '\(Kind.kind)', version \(Kind.schemaVersion)"
            ])
        }
        do {
            return try JSONDecoder().decode(Kind.self, from: try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw .arguments(["\(path): not a report.json of Orchestrator: \(error.localizedDescription)"])
        }
    }

    /// Kinds of reports that can be compared.
    static let comparable: [any (ComparableReport & Decodable).Type] = [
        RunReport.self, PredictReport.self, SweepReport.self, ScaleReport.self, Calibration.self, PlanReport.self,
    ]

    /// A report of any kind that can be compared.
    ///
    /// - Throws: ``Failure/arguments(_:)`` for a file that is none of this version.
    static func readComparable(_ path: String) throws(Failure) -> any ComparableReport {
        let head = try head(path)
        guard let type = comparable.first(where: { $0.kind == head.kind }) else {
            let kinds = comparable.map { $0.kind }.joined(separator: ", ")
            throw .arguments(["\(path): a report of kind '\(head.kind)'; compare reads the kinds \(kinds)"])
        }
        return try read(path, as: type)
    }

    private struct Head: Decodable {
        var schema: Int
        var kind: String
    }

    private static func head(_ path: String) throws(Failure) -> Head {
        do {
            return try JSONDecoder().decode(Head.self, from: try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw .arguments(["\(path): not a report.json of Orchestrator: \(error.localizedDescription)"])
        }
    }
}
