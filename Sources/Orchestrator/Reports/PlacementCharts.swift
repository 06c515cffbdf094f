import Audience
import Placement

/// The plots that every measurement of placements shares: the model's lines, and what was measured as points on them.
struct PlacementCharts {
    struct Point: Equatable, Sendable {
        var placement: PlacementStrategy
        var readers: Int
        var spread: Double
        var amplification: Double
        /// `nil` when nothing was published.
        var weighted: Double?
        /// `nil` when nobody counted the Readers' viewers.
        var imbalance: Double?
    }

    /// The model, over as many numbers of Readers as the lines shall have.
    let table: ScalingTable
    let measured: [Point]

    var all: [Chart] {
        [
            chart("Share of all channels on a Reader", "%", { $0.spread * 100 }, { $0.spread * 100 }),
            chart(
                "Redis deliveries for one publish, channels counted alike", "deliveries", { $0.amplification },
                { $0.amplification }),
            chart(
                "Redis deliveries for one comment (weighted by viewers)", "deliveries", { $0.weightedAmplification },
                { $0.weighted }),
            trade,
        ]
    }

    private var placements: [PlacementStrategy] {
        var placements: [PlacementStrategy] = []
        for row in table.rows where !placements.contains(row.strategy) { placements.append(row.strategy) }
        return placements
    }

    private func chart(
        _ title: String, _ unit: String, _ model: (SpreadOutcome) -> Double, _ measurement: (Point) -> Double?
    ) -> Chart {
        let series = placements.enumerated().flatMap { index, placement in
            let line = table.rows.filter { $0.strategy == placement }.map {
                Chart.Point(x: Double($0.outcome.readers), y: model($0.outcome))
            }
            let points = measured.filter { $0.placement == placement }.compactMap { point in
                measurement(point).map { Chart.Point(x: Double(point.readers), y: $0) }
            }
            return [
                Chart.Series(name: "\(placement.rawValue), model", points: line, colour: index),
                Chart.Series(
                    name: "\(placement.rawValue), measured", points: points, pointsOnly: true, colour: index),
            ]
        }
        return Chart(
            title: title, kind: .line, xTitle: "Readers", yTitle: unit, series: series.filter { !$0.points.isEmpty })
    }

    /// What balance costs. Nearer to the lower left corner is better.
    private var trade: Chart {
        let series = placements.enumerated().flatMap { index, placement in
            let line = table.rows.filter { $0.strategy == placement }.map {
                Chart.Point(x: $0.outcome.weightedAmplification, y: $0.outcome.loadMaxOverMean)
            }
            let points = measured.filter { $0.placement == placement }.compactMap { point -> Chart.Point? in
                guard let weighted = point.weighted, let imbalance = point.imbalance else { return nil }
                return Chart.Point(x: weighted, y: imbalance)
            }
            return [
                Chart.Series(name: "\(placement.rawValue), model", points: line, colour: index),
                Chart.Series(
                    name: "\(placement.rawValue), measured", points: points, pointsOnly: true, colour: index),
            ]
        }
        return Chart(
            title: "Imbalance against amplification, along the numbers of Readers", kind: .line,
            xTitle: "Redis deliveries for one comment", yTitle: "fullest Reader, times the mean",
            series: series.filter { !$0.points.isEmpty })
    }
}
