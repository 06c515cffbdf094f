internal import Audience

/// A swarm's report for people.
enum ReportTable {
    static func text(_ report: SwarmReport, _ tally: CrowdTally, _ load: LoadWindow) -> String {
        var table = TextTable([.init("swarm", .left), .init("", .right), .init("", .left)])
        for row in viewers(report, tally) + comments(report) + delivery(report.delivery) { table.add(row) }
        for row in latency(report) + generator(report, load) { table.add(row) }
        return table.plain() + verdict(report, tally)
    }

    private static func viewers(_ report: SwarmReport, _ tally: CrowdTally) -> [[String]] {
        let viewers = report.viewers
        let notes = [
            (viewers.failed, "not connected"), (viewers.reconnects, "reconnected"), (tally.refusals, "refusals"),
            (tally.redirects, "redirects"), (tally.silences, "silent"), (tally.malformed, "malformed"),
        ].filter { $0.0 > 0 }.map { "\(Figure.grouped($0.0)) \($0.1)" }
        return [
            [
                "viewers connected", "\(Figure.grouped(viewers.connected))",
                "of \(Figure.grouped(viewers.wanted)) in \(Figure.decimal(viewers.connectSeconds, 2)) s",
            ],
            notes.isEmpty ? [] : ["", "", notes.joined(separator: ", ")],
        ].filter { !$0.isEmpty }
    }

    private static func comments(_ report: SwarmReport) -> [[String]] {
        let publishing = report.publishing
        return [
            [
                "comments acknowledged", Figure.grouped(publishing.acknowledged),
                "of \(Figure.grouped(publishing.offered)) offered, \(Figure.grouped(publishing.failed)) failed, "
                    + "\(Figure.grouped(publishing.dropped)) dropped",
            ]
        ]
    }

    private static func delivery(_ counts: DeliveryCounts) -> [[String]] {
        [
            ["delivered", Figure.grouped(counts.delivered), "of \(Figure.grouped(counts.expected)) expected"],
            ["lost", Figure.grouped(counts.lost), "\(Figure.grouped(counts.toldMissing)) told missing"],
            ["repeated", Figure.grouped(counts.repeated), ""],
            ["reordered", Figure.grouped(counts.reordered), ""],
        ]
    }

    private static func latency(_ report: SwarmReport) -> [[String]] {
        let latency = report.latencyMilliseconds
        return [
            ("p50", latency.p50), ("p90", latency.p90), ("p99", latency.p99), ("p99.9", latency.p999),
            ("max", latency.max),
        ]
        .compactMap { name, value in
            value.map { ["latency \(name)", Figure.decimal($0, 2), "ms"] }
        }
    }

    private static func generator(_ report: SwarmReport, _ load: LoadWindow) -> [[String]] {
        let busy = Figure.percent(load.viewersBusyShare, 0)
        let process = report.process
        return [
            ["loop busy", busy, "publisher's \(Figure.percent(load.publisherBusyShare, 0))"],
            ["cpu", Figure.decimal(process.cpuSeconds, 2), "s"],
            ["resident, most", Figure.decimal(Double(process.residentBytesMax) / 1_048_576, 1), "MiB"],
            ["received", Figure.decimal(Double(report.bytesReceived) / 1_048_576, 1), "MiB"],
        ]
    }

    private static func verdict(_ report: SwarmReport, _ tally: CrowdTally) -> String {
        let clean = report.delivery.isClean && tally.altered == 0
        let audit = clean ? "audit: clean" : "audit: FAILED"
        return audit + (report.generatorLimited ? "; the generator was the limit, do not trust the latencies" : "")
    }
}

/// What a swarm says on a terminal while it runs.
enum ProgressLine {
    static func text(_ message: SwarmMessage) -> String {
        switch message.event {
        case "connected":
            "connected \(Figure.grouped(message.viewers ?? 0)), failed \(Figure.grouped(message.failed ?? 0)), "
                + "\(Figure.decimal(message.seconds ?? 0, 2)) s"
        default:
            "second \(message.second ?? 0): \(Figure.grouped(message.delivered ?? 0)) delivered, "
                + "\(Figure.grouped(message.acknowledged ?? 0)) acknowledged"
        }
    }
}
