import Audience
import Placement
import Report

/// All that one sweep found out: the reports of its cells, each beside what the model says for its audience.
struct SweepResult: Sendable {
    var settings: SweepSettings
    /// What the report begins with.
    var base: Report
    /// What cells were held against.
    var limits: String
    /// In the order of the grid; those that came so far that something was measured.
    var cells: [(cell: SweepCell, report: Report)] = []
    /// Cells that do not fit on this machine, or came to no end.
    var missing: [(cell: SweepCell, kind: Missing, reason: String)] = []
    /// One for each placement of the audience that is shown.
    var maps: [SubscriptionMap] = []
    /// Why the sweep is not finished; `nil` when it is.
    var open: String? = "the sweep did not come to its end"

    enum Missing: String, Sendable {
        case doesNotFit = "does not fit"
        case failed
        /// The sweep was interrupted before; `--resume` measures it.
        case open
    }

    /// Of a run's metrics, those that a sweep shows of each cell.
    private static let shown = [
        "Subscriptions, measured beside the model": [
            "subscriptions", "subscriptions in Redis", "spread", "spread predicted", "spread off", "amplification",
            "amplification predicted",
            "weighted amplification", "weighted amplification predicted", "fullest Reader, times the mean",
        ],
        "Deliveries": ["comments acknowledged", "delivered", "lost", "repeated", "out of order", "p50", "p99"],
        "Costs": ["Redis CPU", "Redis CPU per comment", "Readers' CPU", "bytes received", "connecting"],
    ]

    mutating func take(_ report: Report, of cell: SweepCell) {
        guard report.value("spread predicted") != nil, report.value("delivered") != nil else {
            missing.append((cell, .failed, report.verdict.reason))
            return
        }
        cells.append((cell, report))
        guard cell.audience == settings.shown?.audience, cell.readers == settings.shown?.readers,
            var map = report.maps.first
        else { return }
        map.title = "Placement \(cell.placement.rawValue): \(cell.audience.name), \(cell.readers) Readers"
        maps.append(map)
    }

    func report() -> Report {
        var report = base
        report.title = "Sweep: \(cells.count) of \(settings.cells.count) cells"
        report.summary = summary
        report.finishedAt = Report.now()
        report.notes = [
            "the audience is the same for every placement; each cell has \(Format.plain(settings.rate)) comments/s for"
                + " \(Format.plain(settings.duration)) s", "limits of a cell: \(limits)",
        ]
        let redis = RedisTopology(nodes: settings.redisNodes, replicas: settings.redisReplicas)
        report.notes += [redis.note].compactMap { $0 }
        report.verdict.checks = [
            Check("completed", passed: open == nil, open ?? "every cell was measured", exitCode: .interrupted)
        ]
        report.gather(cells.map { ($0.cell.name, $0.report) }, groups: [])
        for (cell, run) in cells where run.verdict.status != .fine {
            report.verdict.checks.append(Check(cell.name, passed: false, run.verdict.reason))
        }
        for failed in missing where failed.kind == .failed {
            report.verdict.checks.append(
                Check(failed.cell.name, passed: false, failed.reason, exitCode: .unavailable))
        }
        report.metrics = Self.shown.sorted { $0.key > $1.key }.flatMap { group, names in
            cells.flatMap { cell, report in
                names.compactMap { name in report.metrics.first { $0.name == name && $0.scope.isEmpty } }.map {
                    metric in
                    var metric = metric
                    (metric.group, metric.scope) = (group, cell.name)
                    return metric
                }
            }
        }
        report.tables = [
            Table(
                "Cells without a measurement", [.init("cell", .left), .init("", .left), .init("reason", .left)],
                rows: missing.map { [$0.cell.name, $0.kind.rawValue, $0.reason] })
        ]
        report.maps = maps
        report.charts = charts
        return report
    }

    /// For somebody who has read nothing else.
    private var summary: String {
        guard !cells.isEmpty else { return "No cell was measured." }
        func sum(_ name: String) -> Int { Int(cells.reduce(0) { $0 + ($1.report.value(name) ?? 0) }) }
        let counted =
            "\(cells.count) of \(settings.cells.count) cells were measured; \(Format.grouped(sum("delivered"))) deliveries were"
            + " audited and \(sum("lost") == 0 ? "none" : Format.grouped(sum("lost"))) lost."
        return [counted, residual, difference].compactMap { $0 }.joined(separator: " ")
    }

    /// How far the model is off where chance is small.
    private var residual: String? {
        let many = cells.filter { $0.cell.placement == .random && $0.cell.streams >= 1_000 }
        guard let worst = many.compactMap({ $0.report.value("spread off") }).map(abs).max() else { return nil }
        return
            "With 1,000 streams and more, placed at random, the measured share of the channels on a Reader is at most"
            + " \(Format.decimal(worst, 2)) points from the formula."
    }

    private var difference: String? {
        guard let shown = settings.shown else { return nil }
        func spread(_ placement: PlacementStrategy) -> Double? {
            cells.first {
                $0.cell.audience == shown.audience && $0.cell.readers == shown.readers && $0.cell.placement == placement
            }?.report.value("spread")
        }
        guard let plain = spread(.random), let better = spread(.overflow) else { return nil }
        return
            "\(shown.audience.name) on \(shown.readers) Readers: each subscribes to \(Format.decimal(plain, 1))% of the"
            + " channels at random and to \(Format.decimal(better, 1))% with overflow."
    }
}
