internal import Audience
internal import Report

/// A swarm's report for people.
enum ReportTable {
    static func text(_ report: SwarmReport, _ tally: ViewerTally, _ load: LoadWindow) -> String {
        let viewers = report.viewers
        let notes = [
            (viewers.failed, "not connected"), (tally.refusals, "refusals"), (tally.redirects, "redirects"),
            (tally.silences, "silent"), (tally.malformed, "malformed"),
        ].filter { $0.0 > 0 }.map { ", \(Format.grouped($0.0)) \($0.1)" }
        let connected =
            "viewers connected: \(Format.grouped(viewers.connected)) of \(Format.grouped(viewers.wanted))"
            + " in \(Format.decimal(viewers.connectSeconds, 2)) s\(notes.joined())\n\n"
        let generator =
            "\ngenerator: loops busy \(Format.percent(load.viewersBusyShare, 0)) and"
            + " \(Format.percent(load.publisherBusyShare, 0)), \(Format.decimal(report.process.cpuSeconds, 2)) s of CPU,"
            + " \(Format.bytes(report.process.residentBytesMax)) resident at most,"
            + " \(Format.bytes(report.bytesReceived)) received\n"
        let tables = Table.tables(of: SwarmReport.metrics.metrics(of: report)).map { $0.plain() }
        return connected + tables.joined(separator: "\n") + generator + verdict(report)
    }

    private static func verdict(_ report: SwarmReport) -> String {
        let audit = report.delivery.isClean ? "audit: clean" : "audit: FAILED"
        return audit + (report.generatorLimited ? "; the generator was the limit, do not trust the latencies" : "")
    }

    /// What a swarm says on a terminal while it runs.
    static func progress(_ message: SwarmMessage) -> String {
        switch message.event {
        case .connected:
            "connected \(Format.grouped(message.viewers ?? 0)), failed \(Format.grouped(message.failed ?? 0)), "
                + "\(Format.decimal(message.seconds ?? 0, 2)) s"
        default:
            "second \(Int(message.second ?? 0)): \(Format.grouped(message.delivered ?? 0)) delivered, "
                + "\(Format.grouped(message.acknowledged ?? 0)) acknowledged"
        }
    }
}
