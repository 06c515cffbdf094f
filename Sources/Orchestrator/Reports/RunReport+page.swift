import Audience
import Placement

extension RunReport: Report {
    /// One line a Reader, with the parameters of the run in each, so that many files can be put together.
    func csv() -> String {
        var file = CSV([
            "placement", "audience", "streams", "viewers", "readers", "rate", "seed", "reader", "channels", "share",
            "predicted_share", "reader_viewers", "messages_received", "messages_sent", "cpu_seconds",
            "memory_peak_bytes",
        ])
        for reader in readers {
            file.add([
                settings.placement.rawValue, "\(settings.audience)", "\(settings.streams)", "\(settings.viewers)",
                "\(settings.readers)", Format.plain(settings.rate), "\(settings.seed)", reader.name,
                "\(reader.channels)",
                "\(reader.share)", reader.predictedShare.map { "\($0)" } ?? "", "\(reader.viewers)",
                "\(reader.messagesReceived)",
                "\(reader.messagesSent)", "\(reader.usage.cpuSeconds)", "\(reader.usage.memoryPeakBytes)",
            ])
        }
        return file.text
    }

    func page() -> Page {
        let tables = RunTables(report: self)
        var page = Page(
            title:
                "Run: \(settings.placement.rawValue), \(Figure.grouped(settings.viewers)) viewers, \(settings.readers) Readers",
            conclusion: [Conclusion.text(self), outcome].filter { !$0.isEmpty }.joined(separator: " "))
        page.maps = map.map { $0.channels.isEmpty ? [] : [$0] } ?? []
        page.charts = charts
        let sections = [
            ("Readers", tables.readers), ("Subscriptions", tables.spread), ("Delivery", tables.delivery),
            ("Latency", tables.latency), ("People", tables.people), ("Photos", tables.photos), ("Likes", tables.likes),
            ("Redis", tables.redis),
            ("Processes", tables.processes),
            ("Conditions", tables.conditions),
        ]
        page.tables = sections.filter { !$0.1.rows.isEmpty }.map { Page.Table(title: $0.0, table: $0.1) }
        page.footer = command
        return page
    }

    private var charts: [Chart] {
        var charts: [Chart] = []
        if !readers.isEmpty { charts.append(shares) }
        charts += theory
        if let latency { charts.append(latency) }
        if timeline.count > 1 { charts.append(deliveries) }
        if !processes.isEmpty { charts += [processorTime, memory] }
        return charts
    }

    private var shares: Chart {
        var series = [(name: "measured", values: readers.map { $0.share * 100 })]
        if let predicted = readers.first?.predictedShare {
            series.append((name: "predicted", values: readers.map { _ in predicted * 100 }))
        }
        return .bars("Share of all channels on each Reader", yTitle: "%", labels: readers.map(\.name), series)
    }

    /// The formula over the number of Readers as a line, this run as a point on it.
    private var theory: [Chart] {
        guard let spread, settings.preset != .seed,
            let audience = try? Audience(
                settings.audience, channels: settings.streams, viewers: settings.viewers, seed: settings.seed)
        else { return [] }
        let numbers = Array(1...max(20, settings.readers * 2))
        let random = numbers.map { SpreadModel.random(sizes: audience.sizes, readers: $0) }
        let here = Double(settings.readers)
        func chart(_ title: String, _ unit: String, _ value: (SpreadOutcome) -> Double, _ measured: Double) -> Chart {
            let line = zip(numbers, random).map { Chart.Point(x: Double($0), y: value($1)) }
            return Chart(
                title: title, kind: .line, xTitle: "Readers", yTitle: unit,
                series: [
                    Chart.Series(name: "random placement, formula", points: line),
                    Chart.Series(name: "this run", points: [Chart.Point(x: here, y: measured)], pointsOnly: true),
                ])
        }
        var charts = [
            chart("Share of all channels on a Reader", "%", { $0.spread * 100 }, spread.meanShare * 100),
            chart("Redis deliveries for one publish", "deliveries", { $0.amplification }, spread.amplification),
        ]
        if let weighted = spread.weightedAmplification {
            let title = "Redis deliveries for one publish, weighted by what was published"
            charts.append(chart(title, "deliveries", { $0.weightedAmplification }, weighted))
        }
        return charts
    }

    private var latency: Chart? {
        guard let histogram = swarm?.latencyHistogram, histogram.count > 0 else { return nil }
        let steps = [1.0, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 98, 99, 99.5, 99.9, 100]
        let points = steps.compactMap { step in
            histogram.microseconds(atPercentile: step).map { Chart.Point(x: step, y: Double($0) / 1000) }
        }
        return Chart(
            title: "Latency from publish to receive", kind: .line, xTitle: "% of all deliveries", yTitle: "ms",
            series: [Chart.Series(name: "latency", points: points)])
    }

    private var deliveries: Chart {
        let points = zip(timeline, timeline.dropFirst()).map { before, now in
            let seconds = max(now.seconds - before.seconds, 0.001)
            return Chart.Point(x: now.seconds, y: Double(now.delivered - before.delivered) / seconds)
        }
        return Chart(
            title: "Deliveries", kind: .line, xTitle: "seconds of publishing", yTitle: "per second",
            series: [Chart.Series(name: "delivered", points: points)])
    }

    private var processorTime: Chart {
        .bars(
            "Processor time", yTitle: "seconds", labels: processes.map(\.name),
            [
                (name: "user", values: processes.map(\.usage.cpuUserSeconds)),
                (name: "system", values: processes.map(\.usage.cpuSystemSeconds)),
            ])
    }

    private var memory: Chart {
        .bars(
            "Memory at its highest", yTitle: "MiB", labels: processes.map(\.name),
            [(name: "resident", values: processes.map { Double($0.usage.memoryPeakBytes) / Double(1 << 20) })])
    }
}
