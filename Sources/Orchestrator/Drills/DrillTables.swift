import Audience

/// The tables of a drill's report.
struct DrillTables {
    let report: DrillReport

    static let titles: [TextTable.Column] = [
        .init("drill", .left), .init("acknowledged"), .init("refused"), .init("unknown"), .init("delivered"),
        .init("lost"), .init("repeated"), .init("reordered"), .init("told missing"), .init("whole after, s"),
        .init("accepts/s, peak"), .init("verdict", .left),
    ]

    /// One line a pass.
    var rows: [[String]] { report.passes.map(row) }

    private func row(_ pass: DrillReport.Pass) -> [String] {
        let name = pass.name.isEmpty ? report.drill.rawValue : "\(report.drill.rawValue), \(pass.name)"
        let (publishing, counts) = (pass.swarm?.publishing, pass.swarm?.delivery)
        return [
            name, Format.grouped(publishing?.acknowledged), Format.grouped(publishing?.refused),
            Format.grouped(publishing?.unknown), Format.grouped(counts?.delivered), Format.grouped(counts?.lost),
            Format.grouped(counts?.repeated), Format.grouped(counts?.reordered), Format.grouped(counts?.toldMissing),
            Format.decimal(pass.wholeAfterSeconds, 2), Figure.grouped(Int(pass.acceptsPeak(window: 1).rounded())),
            report.verdict.status == .fine ? "ok" : "FAILED",
        ]
    }

    var summary: TextTable { DrillTables.table([report]) }

    static func table(_ reports: [DrillReport]) -> TextTable {
        var table = TextTable(titles)
        for report in reports {
            let rows = DrillTables(report: report).rows
            if rows.isEmpty { table.add([report.drill.rawValue] + Array(repeating: "-", count: 10) + ["FAILED"]) }
            for row in rows { table.add(row) }
        }
        return table
    }

    /// What happened when.
    func timeline(_ pass: DrillReport.Pass) -> TextTable {
        var table = TextTable([.init("s"), .init("event", .left)])
        var entries = pass.marks.map { ($0.seconds, "\($0.kind.rawValue): \($0.text)") }
        if let end = pass.faultEnd, let whole = pass.wholeAfterSeconds {
            entries.append((end + whole, "every viewer is connected and has everything"))
        }
        for (seconds, text) in entries.sorted(by: { $0.0 < $1.0 }) { table.add([Figure.decimal(seconds, 2), text]) }
        return table
    }

    /// Who moved when a Reader came or went; empty where the drill is not about that.
    func changes(_ pass: DrillReport.Pass) -> TextTable {
        var table = TextTable([
            .init("change", .left), .init("videos"), .init("placed elsewhere"), .init("share"), .init("expected"),
            .init("of these between others"), .init("viewers moved"), .init("had to"), .init("share of viewers"),
        ])
        for change in pass.changes ?? [] {
            table.add([
                change.name, Figure.grouped(change.videos), Figure.grouped(change.videosMoved),
                Format.percent(change.share), Format.percent(change.shareExpected),
                Figure.grouped(change.videosMovedElsewhere), Figure.grouped(change.viewersMoved),
                Figure.grouped(change.viewersDue),
                Format.percent(Double(change.viewersMoved) / Double(max(change.viewers, 1))),
            ])
        }
        return table
    }

    func details(_ pass: DrillReport.Pass) -> TextTable {
        var table = TextTable([.init("what", .left), .init("number")])
        let publishing = pass.swarm?.publishing
        let rows: [(String, String)] =
            [
                ("comments offered", Format.grouped(publishing?.offered)),
                ("dropped by the generator", Format.grouped(publishing?.dropped)),
                ("stored, to be published later", Format.grouped(publishing?.stored)),
                ("deliveries owed", Format.grouped(pass.swarm?.delivery.expected)),
                ("gaps told", Format.grouped(pass.swarm?.delivery.gaps)),
                ("viewers reconnected", Format.grouped(pass.swarm?.viewers.reconnects)),
                ("viewers away, most at a time", Figure.grouped(pass.awayMost)),
                ("viewers behind, most at a time", Figure.grouped(pass.behindMost)),
                ("accepts/s, peak of 1 s", Figure.grouped(Int(pass.acceptsPeak(window: 1).rounded()))),
                ("accepts/s, peak of 0.1 s", Figure.grouped(Int(pass.acceptsPeak(window: 0.1).rounded()))),
                ("latency p50, ms", Format.milliseconds(pass.swarm?.latencyMilliseconds.p50)),
                ("latency p99, ms", Format.milliseconds(pass.swarm?.latencyMilliseconds.p99)),
                ("latency max, ms", Format.milliseconds(pass.swarm?.latencyMilliseconds.max)),
            ] + pass.facts.map { ($0.name, Figure.grouped($0.value)) } + history(pass)
        for (name, value) in rows { table.add([name, value]) }
        return table
    }

    private func history(_ pass: DrillReport.Pass) -> [(String, String)] {
        guard let history = pass.history else { return [] }
        return [
            ("GET /history: comments wanted", Figure.grouped(history.wanted)),
            ("GET /history: missing", Figure.grouped(history.missing)),
            ("GET /history: others", Figure.grouped(history.others)),
        ]
    }
}
