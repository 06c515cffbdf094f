import Audience
import Placement
import Report
import Wire

/// A run in one or two sentences, for somebody who has read nothing else.
enum RunSummary {
    static func text(_ report: RunResult) -> String {
        [spread(report), delivery(report), caution(report)].compactMap { $0 }.joined(separator: " ")
    }

    private static func spread(_ report: RunResult) -> String? {
        guard let spread = report.spread, let mean = spread.measured.meanShare, !report.readers.isEmpty,
            report.swarm != nil
        else { return nil }
        let measured =
            "On average each of the \(report.readers.count) Readers had to subscribe to \(Format.percent(mean))"
            + " of all \(Format.grouped(spread.measured.channels)) videos"
        let theory = spread.predicted.map { " (theory says \(Format.percent($0.spread)))" } ?? ""
        guard let copies = report.copies else { return "\(measured)\(theory)." }
        let cost =
            copies < 1.1
            ? "and got each comment from Redis about once, which is the least possible"
            : "and got each comment from Redis \(Format.decimal(copies, 1)) times where once would do"
        return "\(measured)\(theory), \(cost)."
    }

    private static func delivery(_ report: RunResult) -> String? {
        if !report.people.isEmpty { return people(report) }
        guard let swarm = report.swarm else { return nil }
        let counts = swarm.delivery
        let reach =
            "\(Format.grouped(swarm.publishing.acknowledged)) comments became \(Format.grouped(counts.delivered)) deliveries"
        let time = swarm.latencyMilliseconds.p99.map { ", 99% of them within \(Format.milliseconds($0)) ms" } ?? ""
        let audit =
            counts.isClean
            ? "none was lost, repeated, altered or out of order"
            : "the audit found \(counts.problems)"
        return "\(reach)\(time); \(audit)."
    }

    private static func people(_ report: RunResult) -> String {
        let wrong = report.people.compactMap(\.complaint)
        guard wrong.isEmpty else { return wrong.map { $0 + "." }.joined(separator: " ") }
        let watchers = Dictionary(grouping: report.people, by: \.video).sorted { $0.key < $1.key }
        let reached = watchers.map { "\($0.value.map(\.user).joined(separator: " and ")) on \($0.key)" }.joined(
            separator: ", ")
        return "Comments reached everybody who watches the video and nobody else: \(reached)."
    }

    private static func caution(_ report: RunResult) -> String? {
        report.swarm?.generatorLimited == true
            ? "The simulated viewers themselves were the bottleneck: the service may be faster than these latencies."
            : nil
    }
}
