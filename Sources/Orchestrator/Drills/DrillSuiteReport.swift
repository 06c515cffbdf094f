import Audience

/// All drills one after another.
struct DrillSuiteReport: Codable, Equatable, Sendable {
    static let schemaVersion = 1

    var schema = DrillSuiteReport.schemaVersion
    var kind = "drills"
    var command: String
    var drills: [DrillReport] = []
    var likes: [LikesReport] = []

    /// The first that is not fine decides.
    var verdict: RunReport.Verdict {
        let all =
            drills.map { ($0.drill.rawValue, $0.verdict) } + likes.map { ($0.drill?.rawValue ?? "likes", $0.verdict) }
        let failed = all.filter { $0.1.status != .fine }
        guard let first = failed.first else {
            return RunReport.Verdict(status: .fine, reason: "all \(all.count) drills kept what is promised")
        }
        let reasons = failed.map { "\($0.0): \($0.1.reason)" }.joined(separator: "\n")
        return RunReport.Verdict(status: first.1.status, reason: reasons)
    }

    var table: TextTable { DrillTables.table(drills) }

    func summary() -> String {
        table.plain() + (likes.isEmpty ? "" : "\n" + LikesTables.suite(likes).plain())
            + "\nVerdict: \(verdict.reason) (exit code \(verdict.status.rawValue)).\n"
    }
}

extension DrillSuiteReport: Report {
    func markdown() -> String {
        "# Drills\n\n\(verdict.reason)\n\n\(table.markdown())"
            + (likes.isEmpty ? "" : "\n## Likes\n\n\(LikesTables.suite(likes).markdown())")
            + "\nRepeat them with `\(command)`.\n"
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
        if !likes.isEmpty { page.tables.append(Page.Table(title: "Likes", table: LikesTables.suite(likes))) }
        page.footer = command
        return page
    }
}
