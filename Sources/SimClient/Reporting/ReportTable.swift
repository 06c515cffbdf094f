internal import Audience
internal import Report

/// A swarm's report for people.
enum ReportTable {
    static func text(_ report: SwarmReport, _ tally: CrowdTally, _ load: LoadWindow) -> String {
        var table = Table("", [.init("swarm", .left), .init("", .right), .init("", .left)])
        for row in viewers(report, tally) + comments(report) + delivery(report.delivery) { table.add(row) }
        for row in latency(report) + generator(report, load) { table.add(row) }
        return table.plain() + verdict(report, tally)
    }

    private static func viewers(_ report: SwarmReport, _ tally: CrowdTally) -> [[String]] {
        let viewers = report.viewers
        let notes = [
            (viewers.failed, "not connected"), (viewers.reconnects, "reconnected"), (tally.refusals, "refusals"),
            (tally.redirects, "redirects"), (tally.silences, "silent"), (tally.malformed, "malformed"),
        ].filter { $0.0 > 0 }.map { "\(Format.grouped($0.0)) \($0.1)" }
        return [
            [
                "viewers connected", "\(Format.grouped(viewers.connected))",
                "of \(Format.grouped(viewers.wanted)) in \(Format.decimal(viewers.connectSeconds, 2)) s",
            ],
            notes.isEmpty ? [] : ["", "", notes.joined(separator: ", ")],
        ].filter { !$0.isEmpty }
    }

    private static func comments(_ report: SwarmReport) -> [[String]] {
        let publishing = report.publishing
        return [
            [
                "comments acknowledged", Format.grouped(publishing.acknowledged),
                "of \(Format.grouped(publishing.offered)) offered, \(Format.grouped(publishing.failed)) failed, "
                    + "\(Format.grouped(publishing.dropped)) dropped",
            ]
        ]
    }

    private static func delivery(_ counts: DeliveryCounts) -> [[String]] {
        [
            ["delivered", Format.grouped(counts.delivered), "of \(Format.grouped(counts.expected)) expected"],
            ["lost", Format.grouped(counts.lost), "\(Format.grouped(counts.toldMissing)) told missing"],
            ["repeated", Format.grouped(counts.repeated), ""],
            ["reordered", Format.grouped(counts.reordered), ""],
        ]
    }

    private static func latency(_ report: SwarmReport) -> [[String]] {
        let latency = report.latencyMilliseconds
        return [
            ("p50", latency.p50), ("p90", latency.p90), ("p99", latency.p99), ("p99.9", latency.p999),
            ("max", latency.max),
        ]
        .compactMap { name, value in
            value.map { ["latency \(name)", Format.decimal($0, 2), "ms"] }
        }
    }

    private static func generator(_ report: SwarmReport, _ load: LoadWindow) -> [[String]] {
        let busy = Format.percent(load.viewersBusyShare, 0)
        let process = report.process
        return [
            ["loop busy", busy, "publisher's \(Format.percent(load.publisherBusyShare, 0))"],
            ["cpu", Format.decimal(process.cpuSeconds, 2), "s"],
            ["resident, most", Format.decimal(Double(process.residentBytesMax) / 1_048_576, 1), "MiB"],
            ["received", Format.decimal(Double(report.bytesReceived) / 1_048_576, 1), "MiB"],
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
            "connected \(Format.grouped(message.viewers ?? 0)), failed \(Format.grouped(message.failed ?? 0)), "
                + "\(Format.decimal(message.seconds ?? 0, 2)) s"
        default:
            "second \(message.second ?? 0): \(Format.grouped(message.delivered ?? 0)) delivered, "
                + "\(Format.grouped(message.acknowledged ?? 0)) acknowledged"
        }
    }
}
