import Audience
import Placement
import Report

extension ScaleResult {
    var charts: [Chart] {
        guard let most = settings.readers.last else { return [] }
        let table = ScalingTable(
            audience, readers: Array(1...max(20, most + most / 2)), strategies: settings.placement)
        let measured = cases.map { result in
            PlacementCharts.Point(
                placement: result.placement, readers: result.readers, spread: result.spread,
                amplification: result.amplification, weighted: result.weightedAmplification,
                imbalance: result.viewersMaxOverMean)
        }
        return PlacementCharts(table: table, measured: measured).all + (cases.isEmpty ? [] : [arriving, redis, costs])
    }

    private var arriving: Chart {
        Chart(
            "The fullest Reader while viewers arrive", x: "seconds", y: "times the mean",
            cases.enumerated().map { index, one in
                let points = one.arriving.filter { $0.viewers.reduce(0, +) > 0 }.map {
                    Chart.Point(x: $0.seconds, y: one.maxOverMean($0.viewers))
                }
                return Chart.Series(one.name, points, style: .markedLine, colour: index)
            })
    }

    /// Over the number of Readers where there are several, else side by side.
    private var redis: Chart {
        let title = "Comments a second that Redis takes"
        guard settings.readers.count > 1 else {
            return Chart(
                bars: title, y: "comments/s", labels: cases.map(\.name),
                [
                    ("comments/s", cases.map { $0.burst?.perSecond ?? 0 }),
                    ("for a second of its CPU", cases.map { $0.burst?.perCPUSecond ?? 0 }),
                ])
        }
        return Chart(
            title, x: "Readers", y: "comments/s",
            settings.placement.enumerated().map { index, placement in
                let points = cases.filter { $0.placement == placement }.map {
                    Chart.Point(x: Double($0.readers), y: $0.burst?.perSecond ?? 0)
                }
                return Chart.Series(placement.rawValue, points, style: .markedLine, colour: index)
            })
    }

    private var costs: Chart {
        Chart(
            bars: "What a comment costs Redis", y: "µs of CPU", labels: cases.map(\.name),
            [("µs", cases.map { $0.burst?.microsecondsPerPublish ?? 0 })])
    }
}
