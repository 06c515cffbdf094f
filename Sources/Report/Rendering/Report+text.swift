extension Report {
    /// Tables and metrics, as they stand in documents.
    var sections: [Table] { (tables + Table.tables(of: metrics)).filter { !$0.rows.isEmpty } }

    var checks: Table {
        Table(
            "Checks", [.init("check", .left), .init("", .left), .init("found", .left)],
            rows: verdict.checks.map { [$0.name, $0.passed ? "ok" : Check.failed, $0.text] })
    }

    /// All that another run needs to be the same, and what this one ran on.
    var conditions: Table {
        let software =
            [environment.commit ?? "unknown", environment.build] + (environment.redis.map { ["Redis \($0)"] } ?? [])
        let fixed = [
            ["command", command], ["commit, build", software.joined(separator: ", ")],
            ["machine", environment.machine], ["time", "\(startedAt) to \(finishedAt)"],
        ]
        return Table(
            "Conditions", [.init("condition", .left), .init("value", .left)],
            rows: fixed + notes.map { ["note", $0] })
    }

    /// For a terminal, without what nobody asks first.
    public func text() -> String {
        let shown = sections.filter { !details.contains($0.title) } + (verdict.checks.count > 1 ? [checks] : [])
        return shown.map { "\n\($0.title)\n\n\($0.plain())" }.joined() + "\n"
            + [summary, verdict.sentence].filter { !$0.isEmpty }.joined(separator: "\n\n")
    }

    /// The whole report.
    public func markdown() -> String {
        (["# \(title)\n", summary.isEmpty ? "" : summary + "\n", verdict.sentence + "\n"]
            + (sections + [checks, conditions]).map { "## \($0.title)\n\n\($0.markdown())" })
            .filter { !$0.isEmpty }.joined(separator: "\n")
    }
}
