import Audience
import Placement

extension ScaleReport {
    var charts: [Chart] {
        guard let most = settings.readers.last,
            let audience = try? Audience(
                settings.audience, channels: settings.streams, viewers: settings.viewers, seed: settings.seed)
        else { return [] }
        let table = ScalingTable(
            audience, readers: Array(1...max(20, most + most / 2)), strategies: settings.placements)
        let measured = cases.map { result in
            PlacementCharts.Point(
                placement: result.placement, readers: result.readers, spread: result.spread,
                amplification: result.amplification, weighted: result.weightedAmplification,
                imbalance: result.viewersMaxOverMean)
        }
        return PlacementCharts(table: table, measured: measured).all + (cases.isEmpty ? [] : [redis, costs])
    }

    /// Over the number of Readers where there are several, else side by side.
    private var redis: Chart {
        let title = "Comments a second that Redis takes"
        guard settings.readers.count > 1 else {
            return .bars(
                title, yTitle: "comments/s", labels: cases.map(\.name),
                [
                    (name: "comments/s", values: cases.map { $0.burst?.perSecond ?? 0 }),
                    (name: "for a second of its CPU", values: cases.map { $0.burst?.perCPUSecond ?? 0 }),
                ])
        }
        return Chart(
            title: title, kind: .line, xTitle: "Readers", yTitle: "comments/s",
            series: settings.placements.enumerated().map { index, placement in
                let points = cases.filter { $0.placement == placement }.map {
                    Chart.Point(x: Double($0.readers), y: $0.burst?.perSecond ?? 0)
                }
                return Chart.Series(name: placement.rawValue, points: points, colour: index, showsPoints: true)
            })
    }

    private var costs: Chart {
        .bars(
            "What a comment costs Redis", yTitle: "µs of CPU", labels: cases.map(\.name),
            [(name: "µs", values: cases.map { $0.burst?.microsecondsPerPublish ?? 0 })])
    }
}

extension SubscriptionMap {
    /// Of a placed audience. Channels stand in the order of their rendezvous Reader, the same under every placement.
    init(_ layout: ScaleLayout) {
        let watched = (0..<layout.audience.channels).filter { !layout.assignment.parts(ofChannel: $0).isEmpty }
        let step = max(1, (watched.count + SubscriptionMap.channelsMax - 1) / SubscriptionMap.channelsMax)
        let shown = stride(from: 0, to: watched.count, by: step).map { watched[$0] }
        let leaders = layout.leaders(of: shown)
        let order = shown.indices.sorted { (leaders[$0], shown[$0]) < (leaders[$1], shown[$1]) }.map { shown[$0] }
        title =
            "Placement \(layout.placement.rawValue): \(order.count) of \(Figure.grouped(watched.count)) channels on"
            + " \(layout.readers.count) Readers"
        channels = order.map(layout.audience.channelName)
        readers = layout.readers
        rows = layout.readers.indices.map { reader in
            String(
                order.map { channel in
                    layout.assignment.parts(ofChannel: channel).contains { Int($0.reader) == reader } ? "1" : "0"
                })
        }
    }
}
