import Audience
import Placement

/// The model's answer for one audience and many numbers of Readers.
struct PredictReport: Codable, Equatable, Sendable {
    static let schemaVersion = 1

    var schema = PredictReport.schemaVersion
    var kind = "predict"
    var settings: PredictSettings
    var command: String
    var software: Software
    var startedAt: String
    var table: ScalingTable

    /// What the numbers say, for somebody who has read nothing else.
    var conclusion: String {
        guard let few = row(.random, settings.readers.first), let many = row(.random, settings.readers.last) else {
            return ""
        }
        let growth =
            settings.readers.count > 1
            ? "With \(few.readers) Readers placed at random each subscribes to \(Format.percent(few.spread)) of all channels and Redis"
                + " sends a comment \(Figure.decimal(few.weightedAmplification, 1)) times; with \(many.readers) it is"
                + " \(Format.percent(many.spread)) and \(Figure.decimal(many.weightedAmplification, 1)) times."
            : "With \(few.readers) Readers placed at random each subscribes to \(Format.percent(few.spread)) of all channels and Redis"
                + " sends a comment \(Figure.decimal(few.weightedAmplification, 1)) times."
        guard let other = row(.overflow, settings.readers.last) else { return growth }
        return growth
            + " Placed by channel with overflow, \(other.readers) Readers subscribe to \(Format.percent(other.spread)) each and Redis sends"
            + " a comment \(Figure.decimal(other.weightedAmplification, 2)) times, with the fullest Reader at"
            + " \(Figure.decimal(other.loadMaxOverMean, 2)) of the mean."
    }

    func row(_ strategy: PlacementStrategy, _ readers: Int?) -> SpreadOutcome? {
        table.rows.first { $0.strategy == strategy && $0.outcome.readers == readers }?.outcome
    }
}

extension PredictReport: Report {
    func markdown() -> String {
        """
        # Prediction

        \(conclusion)

        Audience \(table.audience), \(Figure.grouped(table.channels)) channels, \(Figure.grouped(table.viewers)) viewers, \
        seed \(table.seed). Repeat it with `\(command)`.

        \(table.table.markdown())
        """
    }

    func csv() -> String {
        var file = CSV([
            "placement", "readers", "channels", "subscriptions", "spread", "amplification", "weighted_amplification",
            "wasted_share", "load_max_over_mean",
        ])
        for row in table.rows {
            let outcome = row.outcome
            file.add([
                row.strategy.rawValue, "\(outcome.readers)", "\(outcome.channels)", "\(outcome.subscriptions)",
                "\(outcome.spread)", "\(outcome.amplification)", "\(outcome.weightedAmplification)",
                "\(outcome.wastedShare)",
                "\(outcome.loadMaxOverMean)",
            ])
        }
        return file.text
    }

    func page() -> Page {
        var page = Page(
            title: "Prediction: \(table.audience), \(Figure.grouped(table.viewers)) viewers", conclusion: conclusion)
        page.charts = [
            chart("Share of all channels on a Reader", "%") { $0.spread * 100 },
            chart("Redis deliveries for one publish", "deliveries") { $0.amplification },
            chart("The same, weighted by what is published", "deliveries") { $0.weightedAmplification },
            chart("Load of the fullest Reader", "times the mean") { $0.loadMaxOverMean },
            trade,
        ]
        page.tables = [Page.Table(title: "All numbers", table: table.table)]
        page.footer = command
        return page
    }

    private func chart(_ title: String, _ unit: String, _ value: (SpreadOutcome) -> Double) -> Chart {
        Chart(
            title: title, kind: .line, xTitle: "Readers", yTitle: unit,
            series: settings.placements.map { strategy in
                let points = table.rows.filter { $0.strategy == strategy }.map {
                    Chart.Point(x: Double($0.outcome.readers), y: value($0.outcome))
                }
                return Chart.Series(name: strategy.rawValue, points: points)
            })
    }

    /// What balance costs: each point is a number of Readers.
    private var trade: Chart {
        Chart(
            title: "Imbalance against amplification, one point a number of Readers", kind: .scatter,
            xTitle: "deliveries for one publish, weighted", yTitle: "fullest Reader, times the mean",
            series: settings.placements.map { strategy in
                let points = table.rows.filter { $0.strategy == strategy }.map {
                    Chart.Point(x: $0.outcome.weightedAmplification, y: $0.outcome.loadMaxOverMean)
                }
                return Chart.Series(name: strategy.rawValue, points: points)
            })
    }
}

extension PredictReport: ComparableReport {
    static let kind = "predict"

    var figures: [(metric: Comparison.Metric, value: Double)] {
        table.rows.flatMap { row -> [(metric: Comparison.Metric, value: Double)] in
            let name = "\(row.strategy.rawValue), \(row.outcome.readers) Readers"
            return [
                (Comparison.Metric(name: "\(name): spread", unit: "%", floor: 0.01), row.outcome.spread * 100),
                (
                    Comparison.Metric(name: "\(name): weighted amplification", unit: "", floor: 0.001),
                    row.outcome.weightedAmplification
                ),
                (
                    Comparison.Metric(name: "\(name): fullest Reader, times the mean", unit: "", floor: 0.001),
                    row.outcome.loadMaxOverMean
                ),
            ]
        }
    }

    var circumstances: [(name: String, value: String)] { [("the command", command)] }
    var trouble: String? { nil }
}
