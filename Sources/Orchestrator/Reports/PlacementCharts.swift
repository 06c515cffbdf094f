import Audience
import Placement
import Report

/// The plots that everything about placements shares: the model's lines, and what was measured as points on them.
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
    var measured: [Point] = []

    var all: [Chart] {
        [
            chart("Share of all channels on a Reader", "%", { $0.spread * 100 }, { $0.spread * 100 }),
            chart(
                "Redis deliveries for one publish, channels counted alike", "deliveries", { $0.amplification },
                { $0.amplification }),
            chart(
                "Redis deliveries for one comment (weighted by viewers)", "deliveries", { $0.weightedAmplification },
                { $0.weighted }),
            chart("Load of the fullest Reader", "times the mean", { $0.loadMaxOverMean }, { $0.imbalance }),
            trade,
        ]
    }

    private func chart(
        _ title: String, _ unit: String, _ model: (SpreadOutcome) -> Double, _ measurement: (Point) -> Double?
    ) -> Chart {
        Chart(
            title, x: "Readers", y: unit,
            series({ Chart.Point(x: Double($0.readers), y: model($0)) }) { point in
                measurement(point).map { Chart.Point(x: Double(point.readers), y: $0) }
            })
    }

    /// What balance costs. Nearer to the lower left corner is better.
    private var trade: Chart {
        Chart(
            "Imbalance against amplification, along the numbers of Readers", x: "Redis deliveries for one comment",
            y: "fullest Reader, times the mean",
            series({ Chart.Point(x: $0.weightedAmplification, y: $0.loadMaxOverMean) }) { point in
                point.weighted.flatMap { weighted in point.imbalance.map { Chart.Point(x: weighted, y: $0) } }
            })
    }

    /// For each placement its line and its points, in one colour.
    private func series(
        _ model: (SpreadOutcome) -> Chart.Point, _ measurement: (Point) -> Chart.Point?
    ) -> [Chart.Series] {
        let placements = (table.rows.map(\.strategy) + measured.map(\.placement)).unique()
        return placements.enumerated().flatMap { index, placement in
            let line = table.rows.filter { $0.strategy == placement }.map { model($0.outcome) }
            let points = measured.filter { $0.placement == placement }.compactMap(measurement)
            let name = placement.rawValue
            return [
                Chart.Series(measured.isEmpty ? name : "\(name), model", line, colour: index),
                Chart.Series("\(name), measured", points, style: .points, colour: index),
            ]
        }
    }
}
