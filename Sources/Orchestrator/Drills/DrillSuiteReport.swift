import Audience

/// All drills one after another.
struct DrillSuiteReport: Codable, Equatable, Sendable {
    static let schemaVersion = 1

    var schema = DrillSuiteReport.schemaVersion
    var kind = "drills"
    var command: String
    var drills: [DrillReport] = []

    /// The first that is not fine decides.
    var verdict: RunReport.Verdict {
        let failed = drills.filter { $0.verdict.status != .fine }
        guard let first = failed.first else {
            return RunReport.Verdict(status: .fine, reason: "all \(drills.count) drills kept what is promised")
        }
        let reasons = failed.map { "\($0.drill.rawValue): \($0.verdict.reason)" }.joined(separator: "\n")
        return RunReport.Verdict(status: first.verdict.status, reason: reasons)
    }

    var table: TextTable { DrillTables.table(drills) }

    func summary() -> String {
        table.plain() + "\nVerdict: \(verdict.reason) (exit code \(verdict.status.rawValue)).\n"
    }
}

extension DrillSuiteReport: Report {
    func markdown() -> String {
        "# Drills\n\n\(verdict.reason)\n\n\(table.markdown())\nRepeat them with `\(command)`.\n"
    }

    func csv() -> String {
        var file = CSV(DrillTables.titles.map(\.title))
        for drill in drills { for row in DrillTables(report: drill).rows { file.add(row) } }
        return file.text
    }

    func page() -> Page {
        var page = Page(title: "Drills", conclusion: verdict.reason)
        page.charts = [
            Chart.bars(
                "Seconds until the last viewer was whole again", yTitle: "s", labels: drills.map(\.drill.rawValue),
                [(name: "s", values: drills.map { $0.passes.compactMap(\.wholeAfterSeconds).max() ?? 0 })])
        ]
        page.tables = [Page.Table(title: "Outcome", table: table)]
        page.footer = command
        return page
    }
}
