import Audience
import Placement
import Report

extension SweepResult {
    private typealias Cell = (cell: SweepCell, report: Report)

    /// The audience that is looked at closely first, then the share of the channels for every other one.
    var charts: [Chart] {
        guard let shown = settings.shown, !cells.isEmpty else { return [] }
        let close = cells.filter { $0.cell.audience == shown.audience }
        let others = Set(cells.map(\.cell.audience)).subtracting([shown.audience]).sorted {
            ($0.streams, $0.viewers) < ($1.streams, $1.viewers)
        }
        let own = placementCharts(shown.audience) + [redis(close), latencies(close), percentiles(close)]
        return own.map { named($0, shown.audience) }
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
        let table = ScalingTable(audience, readers: Array(1...most + 2), strategies: settings.placement)
        let measured = cells.filter { $0.cell.audience == shape }.map { cell, report in
            PlacementCharts.Point(
                placement: cell.placement, readers: cell.readers, spread: (report.value("spread") ?? 0) / 100,
                amplification: report.value("amplification") ?? 0, weighted: report.value("weighted amplification"),
                imbalance: report.value("fullest Reader, times the mean"))
        }
        return PlacementCharts(table: table, measured: measured).all
    }

    /// Over the number of Readers, a line for each placement and metric.
    private func lines(_ title: String, _ unit: String, _ cells: [Cell], _ names: [String]) -> Chart {
        let series = settings.placement.enumerated().flatMap { index, placement in
            names.enumerated().map { offset, name in
                let points = cells.filter { $0.cell.placement == placement }.compactMap { cell, report in
                    report.value(name).map { Chart.Point(x: Double(cell.readers), y: $0) }
                }
                return Chart.Series(
                    names.count == 1 ? placement.rawValue : "\(placement.rawValue), \(name)", points,
                    style: .markedLine, colour: index + offset * settings.placement.count)
            }
        }
        return Chart(title, x: "Readers", y: unit, series)
    }

    private func redis(_ cells: [Cell]) -> Chart {
        lines("What a comment costs Redis", "µs of CPU", cells, ["Redis CPU per comment"])
    }

    private func latencies(_ cells: [Cell]) -> Chart {
        lines("Latency from publish to receive", "ms", cells, ["p50", "p99"])
    }

    /// On the largest number of Readers.
    private func percentiles(_ cells: [Cell]) -> Chart {
        let readers = settings.readers.last ?? 1
        let steps = ["p50", "p90", "p99", "p99.9", "max"]
        let series = cells.filter { $0.cell.readers == readers }.map { cell, report in
            (cell.placement.rawValue, steps.map { report.value($0) ?? 0 })
        }
        return Chart(bars: "Latency on \(readers) Readers", y: "ms", labels: steps, series)
    }

    private var residuals: Chart {
        func shape(_ cell: SweepCell) -> String { "\(cell.streams)/\(cell.viewers)/\(cell.readers)" }
        let labels = cells.map { shape($0.cell) }.unique()
        let series = settings.placement.map { placement in
            let values = labels.map { label in
                cells.first { $0.cell.placement == placement && shape($0.cell) == label }?.report.value("spread off")
                    ?? 0
            }
            return (placement.rawValue, values)
        }
        return Chart(
            bars: "Share of the channels: measured less model", x: "streams/viewers/Readers", y: "points",
            labels: labels, series)
    }
}
