import Audience
import Placement

extension SweepReport {
    /// The audience that is looked at closely first, then the share of the channels for every other one.
    var charts: [Chart] {
        guard let shown, !cells.isEmpty else { return [] }
        let close = cells.filter { $0.cell.audience == shown.audience }
        let others = Set(cells.map(\.cell.audience)).subtracting([shown.audience]).sorted {
            ($0.streams, $0.viewers) < ($1.streams, $1.viewers)
        }
        return placementCharts(shown.audience).map { named($0, shown.audience) }
            + [redis(close), latencies(close), percentiles(close)].map { named($0, shown.audience) }
            + others.compactMap { audience in placementCharts(audience).first.map { named($0, audience) } } + [
                residuals
            ]
    }

    private func named(_ chart: Chart, _ audience: SweepCell.Audience) -> Chart {
        var chart = chart
        chart.title += " - \(audience.name)"
        return chart
    }

    private func placementCharts(_ shape: SweepCell.Audience) -> [Chart] {
        guard
            let audience = try? Audience(
                settings.audience, channels: shape.streams, viewers: shape.viewers, seed: settings.seed),
            let most = settings.readers.last
        else { return [] }
        let table = ScalingTable(audience, readers: Array(1...most + 2), strategies: settings.placements)
        let measured = cells.filter { $0.cell.audience == shape }.map { result in
            PlacementCharts.Point(
                placement: result.cell.placement, readers: result.cell.readers, spread: result.measured.spread,
                amplification: result.measured.amplification, weighted: result.measured.weightedAmplification,
                imbalance: result.measured.viewersMaxOverMean)
        }
        return PlacementCharts(table: table, measured: measured).all
    }

    private func lines(
        _ title: String, _ unit: String, _ results: [SweepResult], _ values: [(String, (SweepResult) -> Double?)]
    ) -> Chart {
        let series = settings.placements.enumerated().flatMap { index, placement in
            values.enumerated().map { offset, value in
                let points = results.filter { $0.cell.placement == placement }.compactMap { result in
                    value.1(result).map { Chart.Point(x: Double(result.cell.readers), y: $0) }
                }
                let name = value.0.isEmpty ? placement.rawValue : "\(placement.rawValue), \(value.0)"
                return Chart.Series(
                    name: name, points: points, colour: index + offset * settings.placements.count, showsPoints: true)
            }
        }
        return Chart(title: title, kind: .line, xTitle: "Readers", yTitle: unit, series: series)
    }

    private func redis(_ results: [SweepResult]) -> Chart {
        lines("Comments for one second of Redis's CPU", "comments", results, [("", { $0.redisCommentsPerCPUSecond })])
    }

    private func latencies(_ results: [SweepResult]) -> Chart {
        lines(
            "Latency from publish to receive", "ms", results,
            [("p50", { $0.latency.p50 }), ("p99", { $0.latency.p99 })])
    }

    /// On the largest number of Readers.
    private func percentiles(_ results: [SweepResult]) -> Chart {
        let readers = settings.readers.last ?? 1
        let steps: [(String, (LatencySummary) -> Double?)] = [
            ("p50", { $0.p50 }), ("p90", { $0.p90 }), ("p99", { $0.p99 }), ("p99.9", { $0.p999 }), ("max", { $0.max }),
        ]
        let series = settings.placements.compactMap { placement -> (name: String, values: [Double])? in
            let result = results.first { $0.cell.placement == placement && $0.cell.readers == readers }
            return result.map { result in (placement.rawValue, steps.map { $0.1(result.latency) ?? 0 }) }
        }
        return .bars("Latency on \(readers) Readers", yTitle: "ms", labels: steps.map(\.0), series)
    }

    private var residuals: Chart {
        let shapes = cells.map { "\($0.cell.streams)/\($0.cell.viewers)/\($0.cell.readers)" }
        let labels = shapes.enumerated().filter { shapes.firstIndex(of: $0.element) == $0.offset }.map(\.element)
        let series = settings.placements.map { placement in
            let values = labels.map { label in
                cells.first {
                    $0.cell.placement == placement
                        && "\($0.cell.streams)/\($0.cell.viewers)/\($0.cell.readers)" == label
                }?.spreadResidualPoints ?? 0
            }
            return (name: placement.rawValue, values: values)
        }
        var chart = Chart.bars(
            "Share of the channels: measured less model", yTitle: "points", labels: labels, series)
        chart.xTitle = "streams/viewers/Readers"
        return chart
    }
}
