import Audience

extension RunReport {
    /// The whole report for people: `report.md`.
    func markdown() -> String {
        let tables = RunTables(report: self)
        let sections = [
            heading, section("Readers", tables.readers), section("Subscriptions", tables.spread),
            section("Delivery", tables.delivery), section("Latency", tables.latency), section("People", tables.people),
            section("Photos", tables.photos), section("Likes", tables.likes),
            section("Redis", tables.redis), section("Processes", tables.processes),
            section("Conditions", tables.conditions),
        ]
        return sections.filter { !$0.isEmpty }.joined(separator: "\n")
    }

    /// The same for a terminal, without what nobody asks first.
    func summary() -> String {
        let tables = RunTables(report: self)
        let shown = [tables.readers, tables.spread, tables.delivery, tables.latency, tables.people, tables.photos]
            .filter {
                !$0.rows.isEmpty
            }
        let text = Conclusion.text(self)
        return shown.map { "\n" + $0.plain() }.joined() + (text.isEmpty ? "" : "\n\(text)\n") + "\n" + outcome + "\n"
    }

    var outcome: String {
        "Verdict: \(verdict.reason) (exit code \(verdict.status.rawValue))."
    }

    private var heading: String {
        let text = Conclusion.text(self)
        return "# Run of \(startedAt)\n\n" + (text.isEmpty ? "" : text + "\n\n") + "\(outcome)\n"
    }

    private func section(_ title: String, _ table: TextTable) -> String {
        table.rows.isEmpty ? "" : "## \(title)\n\n\(table.markdown())"
    }
}
