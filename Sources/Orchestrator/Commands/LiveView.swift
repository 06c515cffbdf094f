import Audience
import Report

/// How a load goes, at one moment: what ``Progress/show(_:)`` draws.
struct LiveView: Equatable, Sendable {
    /// A number that grows, and how fast it did over the last few seconds; `nil` before the first.
    struct Flow: Equatable, Sendable {
        var name: String
        var sum: Int
        var perSecond: Double?
    }

    struct Spread: Equatable, Sendable {
        /// Mean part of all channels that a Reader subscribes to.
        var share: Double
        /// As the placement's formula says; `nil` where it is not known.
        var predicted: Double?
    }

    struct Processes: Equatable, Sendable {
        var running: Int
        /// Processor time a second of all of them.
        var cores: Double?
        /// Of each at its highest.
        var memoryBytes: Int
    }

    /// Of the load.
    var seconds: Double
    /// `nil` where something else ends it.
    var duration: Double?
    /// A second.
    var wanted: Double
    var written: Flow
    var delivered: Flow
    /// Since comments were due: from the start, and in the last second; `nil` where they are not known.
    var latency: LatencySummary?
    var latencyNow: LatencySummary?
    var spread: Spread?
    var processes: Processes?
    /// Viewers that have no connection, and connected ones that lack something; or users under way.
    var others: String?

    /// Less than this part of what was wanted is shown as an alarm.
    private static let enough = 0.9

    private var isSlow: Bool { (written.perSecond ?? wanted) < wanted * Self.enough }

    private var time: String {
        guard let duration else { return "\(Int(seconds)) s" }
        let left = Int(max(duration - seconds, 0).rounded(.up))
        return "\(Int(seconds)) s of \(Format.plain(duration)) s, \(left) s left"
    }

    private static func rate(_ flow: Flow) -> String {
        flow.perSecond.map { $0 < 100 ? Format.decimal($0, 1) : Format.grouped(Int($0.rounded())) } ?? "-"
    }

    private static func milliseconds(_ value: Double?) -> String {
        value.map { Format.milliseconds($0) + " ms" } ?? "-"
    }

    /// What is known, a label and a text each.
    private var rows: [(label: String, text: String)] {
        var rows = [
            (
                written.name,
                "\(Format.plain(wanted))/s wanted, \(Self.rate(written))/s acknowledged, "
                    + "\(Format.grouped(written.sum)) in all"
            ),
            (delivered.name, "\(Self.rate(delivered))/s, \(Format.grouped(delivered.sum)) in all"),
        ]
        if let latency {
            rows.append(
                (
                    "latency",
                    "p50 \(Self.milliseconds(latency.p50)), p99 \(Self.milliseconds(latency.p99)) so far; "
                        + "p99 \(Self.milliseconds(latencyNow?.p99)) in the last second"
                ))
        }
        if let spread {
            let formula = spread.predicted.map { ", the formula says \(Format.percent($0))" } ?? ""
            rows.append(("spread", Format.percent(spread.share) + formula))
        }
        if let others { rows.append(("viewers", others)) }
        if let processes {
            let cores = processes.cores.map { ", \(Format.decimal($0, 2)) cores" } ?? ""
            let memory = "\(Format.bytes(processes.memoryBytes)) at their peaks"
            rows.append(("processes", "\(processes.running)\(cores), \(memory)"))
        }
        return rows
    }

    /// For a terminal: none is wider than it.
    func lines(width: Int, colours: Bool) -> [String] {
        func paint(_ text: String, _ code: Int) -> String { colours ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }
        let room = max(width - 1, 14)
        let bar = duration.map { duration in
            let cells = 20
            let done = min(max(Int(seconds / max(duration, 0.001) * Double(cells)), 0), cells)
            return "[" + String(repeating: "=", count: done) + String(repeating: " ", count: cells - done) + "] "
        }
        let head = String(((bar ?? "") + time).prefix(room - 2))
        return ["  " + paint(head, 1)]
            + rows.map { label, text in
                let name = label + String(repeating: " ", count: max(12 - label.count, 1))
                let text = String(text.prefix(max(room - 2 - name.count, 0)))
                return "  " + paint(name, 2) + (label == written.name && isSlow ? paint(text, 33) : text)
            }
    }

    /// For a file or a pipe: all rows in one line.
    var line: String { "  \(time): " + rows.map { "\($0.label) \($0.text)" }.joined(separator: "; ") }
}
