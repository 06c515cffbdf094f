import Audience
import Placement

extension SweepReport {
    /// For somebody who has read nothing else.
    var conclusion: String {
        guard !cells.isEmpty else { return "No cell was measured." }
        let lost = cells.reduce(0) { $0 + $1.lost }
        let delivered = cells.reduce(0) { $0 + $1.delivered }
        let counted =
            "\(cells.count) of \(settings.cells.count) cells were measured; \(Figure.grouped(delivered)) deliveries were audited"
            + " and \(lost == 0 ? "none" : Figure.grouped(lost)) lost."
        return [counted, residual, difference].compactMap { $0 }.joined(separator: " ")
    }

    /// How far the model is off where chance is small.
    private var residual: String? {
        let many = cells.filter { $0.cell.placement == .random && $0.cell.streams >= 1_000 }
        guard let worst = many.max(by: { abs($0.spreadResidualPoints) < abs($1.spreadResidualPoints) }) else {
            return nil
        }
        return
            "With 1,000 streams and more, placed at random, the measured share of the channels on a Reader is at most"
            + " \(Figure.decimal(abs(worst.spreadResidualPoints), 2)) points from the formula."
    }

    private var difference: String? {
        guard let shown else { return nil }
        func result(_ placement: PlacementStrategy) -> SweepResult? {
            cells.first {
                $0.cell.audience == shown.audience && $0.cell.readers == shown.readers && $0.cell.placement == placement
            }
        }
        guard let plain = result(.random), let better = result(.overflow) else { return nil }
        return
            "\(shown.audience.name) on \(shown.readers) Readers: each subscribes to \(Format.percent(plain.measured.spread))"
            + " of the channels at random and to \(Format.percent(better.measured.spread)) with overflow."
    }

    var outcome: String { "Verdict: \(verdict.reason) (exit code \(verdict.status.rawValue))." }

    func summary() -> String {
        "\n" + sections.map { "\($0.title)\n\n\($0.table.plain())\n" }.joined() + "\(conclusion)\n\n\(outcome)"
    }

    var sections: [Page.Table] {
        [
            Page.Table(title: "Subscriptions, measured beside the model", table: subscriptions),
            Page.Table(title: "Deliveries and costs", table: costs),
            Page.Table(title: "Cells without a measurement", table: left),
        ].filter { !$0.table.rows.isEmpty }
    }

    private static let cellColumns: [TextTable.Column] = [
        .init("streams"), .init("viewers"), .init("readers"), .init("placement", .left),
    ]

    private static func cellTexts(_ cell: SweepCell) -> [String] {
        [Figure.grouped(cell.streams), Figure.grouped(cell.viewers), "\(cell.readers)", cell.placement.rawValue]
    }

    private var subscriptions: TextTable {
        var table = TextTable(
            SweepReport.cellColumns + [
                .init("subscriptions"), .init("spread"), .init("model"), .init("points off"), .init("amplification"),
                .init("model"), .init("weighted"), .init("model"), .init("max/mean viewers"),
            ])
        for result in cells {
            let (measured, predicted) = (result.measured, result.predicted)
            table.add(
                SweepReport.cellTexts(result.cell) + [
                    Figure.grouped(measured.subscriptions), Format.percent(measured.spread),
                    Format.percent(predicted.share), Figure.decimal(result.spreadResidualPoints, 2),
                    Figure.decimal(measured.amplification, 3), Figure.decimal(predicted.amplification, 3),
                    Format.decimal(measured.weightedAmplification, 2),
                    Figure.decimal(predicted.weightedAmplification, 2),
                    Figure.decimal(measured.viewersMaxOverMean, 2),
                ])
        }
        return table
    }

    private var costs: TextTable {
        var table = TextTable(
            SweepReport.cellColumns + [
                .init("comments"), .init("delivered"), .init("lost"), .init("p50 ms"), .init("p99 ms"),
                .init("Redis µs/comment"), .init("Readers' CPU s, from start to end"), .init("bytes"),
                .init("connect s"),
            ])
        for result in cells {
            table.add(
                SweepReport.cellTexts(result.cell) + [
                    Figure.grouped(result.comments), Figure.grouped(result.delivered), Figure.grouped(result.lost),
                    Format.milliseconds(result.latency.p50), Format.milliseconds(result.latency.p99),
                    Figure.decimal(result.redisMicrosecondsPerComment, 0),
                    Figure.decimal(result.readersCPUSeconds, 2),
                    Format.bytes(result.bytesReceived),
                    Figure.decimal(result.connectSeconds, 2),
                ])
        }
        return table
    }

    private var left: TextTable {
        var table = TextTable(SweepReport.cellColumns + [.init("", .left), .init("reason", .left)])
        for entry in missing {
            table.add(SweepReport.cellTexts(entry.cell) + [entry.kind.rawValue, entry.reason])
        }
        return table
    }

    private var conditions: Page.Table {
        var table = TextTable([.init("condition", .left), .init("value", .left)])
        table.add(["command", command])
        table.add(["audience", "\(settings.audience), seed \(settings.seed); the same for every placement"])
        table.add([
            "each cell", "\(Format.plain(settings.rate)) comments/s for \(Format.plain(settings.durationSeconds)) s",
        ])
        table.add(["limits of a cell", limits])
        table.add(["commit, build", "\(software.commit ?? "unknown"), \(software.build)"])
        table.add(["machine", machine.text])
        table.add(["time", "\(startedAt) to \(finishedAt)"])
        return Page.Table(title: "Conditions", table: table)
    }
}

extension SweepReport: Report {
    func markdown() -> String {
        "# Sweep\n\n\(conclusion)\n\n\(outcome)\n\n"
            + (sections + [conditions]).map {
                "## \($0.title)\n\n\($0.table.markdown())\n"
            }.joined()
    }

    /// One line a cell.
    func csv() -> String {
        var file = CSV([
            "placement", "audience", "streams", "viewers", "readers", "rate", "seed", "subscriptions",
            "redis_subscriptions", "spread", "spread_model", "residual_points", "amplification", "amplification_model",
            "weighted_amplification", "weighted_amplification_model", "viewers_max_over_mean", "comments", "delivered",
            "lost", "misplaced", "p50_ms", "p90_ms", "p99_ms", "max_ms", "redis_cpu_seconds", "readers_cpu_seconds",
            "bytes_received", "connect_seconds", "exit_code",
        ])
        for result in cells { file.add(line(result)) }
        return file.text
    }

    private func line(_ result: SweepResult) -> [String] {
        func text(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
        let (cell, measured, predicted) = (result.cell, result.measured, result.predicted)
        let place = [
            cell.placement.rawValue, "\(settings.audience)", "\(cell.streams)", "\(cell.viewers)", "\(cell.readers)",
            Format.plain(settings.rate), "\(settings.seed)",
        ]
        let spread = [
            "\(measured.subscriptions)", measured.redisSubscriptions.map { "\($0)" } ?? "", "\(measured.spread)",
            "\(predicted.share)", "\(result.spreadResidualPoints)", "\(measured.amplification)",
            "\(predicted.amplification)", text(measured.weightedAmplification), "\(predicted.weightedAmplification)",
            "\(measured.viewersMaxOverMean)",
        ]
        let traffic = [
            "\(result.comments)", "\(result.delivered)", "\(result.lost)", "\(result.misplaced)",
            text(result.latency.p50), text(result.latency.p90), text(result.latency.p99), text(result.latency.max),
            "\(result.redisCPUSeconds)", "\(result.readersCPUSeconds)", "\(result.bytesReceived)",
            "\(result.connectSeconds)", "\(result.verdict.status.rawValue)",
        ]
        return place + spread + traffic
    }

    func page() -> Page {
        var page = Page(
            title: "Sweep: \(cells.count) of \(settings.cells.count) cells", conclusion: "\(conclusion) \(outcome)")
        page.maps = maps
        page.charts = charts
        page.tables = sections + [conditions]
        page.footer = command
        return page
    }
}
