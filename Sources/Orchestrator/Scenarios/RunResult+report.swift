import Audience
import Placement
import Report
import Testbed
import Wire

extension RunResult {
    static let metrics = MetricList<RunResult> { list in
        list.group("Subscriptions")
        list.count("channels") { $0.measured?.channels }
        list.add("spread", .percent, .lowerIsBetter, minimumDelta: 1) { $0.measured?.meanShare.map { $0 * 100 } }
        list.add("spread predicted", .percent) { $0.predicted.map { $0.spread * 100 } }
        list.add("spread off", .percent) { result in
            result.predicted.flatMap { model in result.measured?.meanShare.map { ($0 - model.spread) * 100 } }
        }
        list.add("spread's standard deviation", .percent) { $0.predicted?.deviation.map { $0.spread * 100 } }
        list.add("one Reader's standard deviation", .percent) { $0.predicted?.deviation.map { $0.share * 100 } }
        list.add("spread lowest", .percent) { $0.measured?.minShare.map { $0 * 100 } }
        list.add("spread highest", .percent) { $0.measured?.maxShare.map { $0 * 100 } }
        list.add("amplification") { $0.measured?.amplification }
        list.add("amplification predicted") { $0.predicted?.amplification }
        list.add("weighted amplification", .none, .lowerIsBetter, minimumDelta: 0.05) {
            $0.measured?.weightedAmplification
        }
        list.add("weighted amplification predicted") { $0.predicted?.weightedAmplification }
        list.add("messages from Redis for each comment", .none, .lowerIsBetter, minimumDelta: 0.05) { $0.copies }
        list.add("wasted share", .percent) { $0.measured?.wastedShare.map { $0 * 100 } }
        list.add("wasted share predicted", .percent) { $0.predicted.map { $0.wastedShare * 100 } }
        list.count("subscriptions") { $0.measured?.subscriptions }
        list.count("subscriptions in Redis") { $0.measured?.redisSubscriptions }
        list.add("fullest Reader, times the mean", .none, .lowerIsBetter, minimumDelta: 0.05) { $0.imbalance }
        list.group("Connections")
        list.count("viewers connected") { $0.connections.connected }
        list.count("viewers not connected", .lowerIsBetter, strict: true) { $0.connections.failed }
        list.add("connecting", .seconds, .lowerIsBetter, minimumDelta: 0.5) { $0.connections.connectSeconds }
    }

    static let costMetrics = MetricList<RunResult> { list in
        list.group("Costs")
        list.add("Readers' CPU", .seconds) { $0.readersCPUSeconds }
        list.add("Readers' CPU per 1,000 deliveries", .milliseconds, .lowerIsBetter, minimumDelta: 0.5) { result in
            let delivered = result.swarm?.delivery.delivered ?? 0
            return delivered > 0 ? result.readersCPUSeconds * 1_000_000 / Double(delivered) : nil
        }
        list.add("Readers' memory", .bytes, .lowerIsBetter, minimumDelta: 4_194_304) { result in
            result.readers.isEmpty ? nil : Double(result.readers.reduce(0) { $0 + $1.usage.memoryPeakBytes })
        }
        list.add("Redis CPU", .seconds, .lowerIsBetter, minimumDelta: 0.1) { $0.redis?.cpuSeconds }
        list.add("Redis CPU per comment", .microseconds) { result in
            let comments = result.swarm?.publishing.acknowledged ?? 0
            return comments > 0 ? result.redis.map { $0.cpuSeconds * 1e6 / Double(comments) } : nil
        }
        list.add("Redis memory", .bytes) { $0.redis.map { Double($0.memoryBytes) } }
        list.count("Redis commands") { $0.redis?.commands }
        list.count("subscribers cut") { $0.redis?.cut }
        list.add("bytes received", .bytes) { $0.swarm.map { Double($0.bytesReceived) } }
    }

    static let readerMetrics = MetricList<Reader> { list in
        list.group("Readers")
        list.count("channels") { $0.channels }
        list.add("share", .percent) { $0.share * 100 }
        list.add("predicted", .percent) { $0.predictedShare.map { $0 * 100 } }
        list.count("viewers") { $0.viewers }
        list.count("received") { $0.messagesReceived }
        list.count("sent") { $0.messagesSent }
        list.add("CPU", .seconds) { $0.usage.cpuSeconds }
        list.add("memory", .bytes) { Double($0.usage.memoryPeakBytes) }
    }

    /// Of the metrics that a run has once.
    static var wholeDefinitions: [MetricDefinition] {
        metrics.definitions + SwarmReport.metrics.definitions + costMetrics.definitions
            + RunStage.Result.metrics.definitions
    }

    static var definitions: [MetricDefinition] {
        wholeDefinitions + readerMetrics.definitions + ProcessCosts.metrics.definitions + LikesResult.definitions
    }

    /// Messages that the Readers got from Redis for each acknowledged comment; not known when likes come the same way.
    var copies: Double? {
        guard let swarm, likes == nil, swarm.publishing.acknowledged > 0 else { return nil }
        return Double(readers.reduce(0) { $0 + $1.messagesReceived }) / Double(swarm.publishing.acknowledged)
    }

    private var predicted: SpreadOutcome? { spread?.predicted }
    private var measured: Statistics.SubscriptionSpread? { spread?.measured }
    private var readersCPUSeconds: Double { readers.reduce(0) { $0 + $1.usage.cpuSeconds } }
    private var imbalance: Double? {
        let viewers = readers.map(\.viewers)
        let sum = viewers.reduce(0, +)
        return sum > 0 ? Double((viewers.max() ?? 0) * settings.readers) / Double(sum) : nil
    }

    func report(_ failure: Failure?) -> Report {
        var result = self
        for index in result.readers.indices {
            let costs = processes.first { $0.name == readers[index].name }
            if let costs { result.readers[index].usage = costs.usage }
        }
        return result.makeReport(failure)
    }

    private func makeReport(_ failure: Failure?) -> Report {
        var report = base
        report.summary = RunSummary.text(self)
        report.verdict = RunChecker.verdict(on: self, failure: failure)
        report.metrics = readers.flatMap { Self.readerMetrics.metrics(of: $0, scope: $0.name) }
        report.metrics += stages.flatMap { RunStage.Result.metrics.metrics(of: $0, scope: $0.name) }
        report.metrics += Self.metrics.metrics(of: self)
        report.metrics += (swarm.map { SwarmReport.metrics.metrics(of: $0) } ?? []) + Self.costMetrics.metrics(of: self)
        report.metrics += likes?.metrics(scope: "likes") ?? []
        report.metrics += processes.flatMap { ProcessCosts.metrics.metrics(of: $0, scope: $0.name) }
        report.details = ["Costs", "Likes", "Processes"]
        report.highlights = ["spread", "messages from Redis for each comment", "delivered", "p99"]
        report.tables = people.isEmpty ? [] : [peopleTable]
        if !faultLog.marks.isEmpty { report.tables.append(faultLog.marks.timeline("Faults", recovery: nil, "")) }
        report.maps = [map].compactMap { $0 }.filter { !$0.channels.isEmpty }
        report.charts = charts
        report.samples = samples.filter { !$0.rows.isEmpty }
        report.notes = [
            "\(plan.readers) Readers, \(plan.commentAPIs) CommentAPI, \(plan.swarms) swarms",
            swarm == nil ? nil : "latencies leave out the first \(Format.plain(settings.warmup)) s",
            phases.map { "\($0.name) \(Format.decimal($0.seconds, 1)) s" }.joined(separator: ", "),
        ].compactMap { $0 }
        return report
    }

    private var samples: [Report.Samples] {
        [
            Report.Samples(
                "publishing", ["seconds", "wanted", "acknowledged", "delivered"],
                rows: timeline.map {
                    let wanted =
                        plannedStages.isEmpty ? settings.rate * $0.seconds : plannedStages.comments(until: $0.seconds)
                    return [$0.seconds, wanted, Double($0.acknowledged), Double($0.delivered)]
                }),
            Report.Samples(
                "latency since due", ["seconds", "p50 milliseconds", "p99 milliseconds"],
                rows: timeline.compactMap { sample in
                    guard let p50 = sample.latency?.p50, let p99 = sample.latency?.p99 else { return nil }
                    return [sample.seconds, p50, p99]
                }),
        ]
    }

    /// One line a watching person.
    private var peopleTable: Table {
        Table(
            "People",
            [
                .init("client", .left), .init("user", .left), .init("video", .left), .init("wrote"), .init("received"),
                .init("the last comment on the video", .left),
            ],
            rows: people.map { person in
                [
                    person.name, person.user, person.video, Format.grouped(person.generated),
                    Format.grouped(person.consumed), person.complaint ?? "received, no other",
                ]
            })
    }
}

// MARK: Plots

extension RunResult {
    private var charts: [Chart] {
        var charts = readers.isEmpty ? [] : [shares]
        charts += theory
        if let latency { charts.append(latency) }
        if timeline.count > 1 { charts += [latencyOverTime, comments, deliveries].filter { !$0.series.isEmpty } }
        guard !processes.isEmpty else { return charts }
        let (names, usage) = (processes.map(\.name), processes.map(\.usage))
        return charts + [
            Chart(
                bars: "Processor time", y: "seconds", labels: names,
                [("user", usage.map(\.cpuUserSeconds)), ("system", usage.map(\.cpuSystemSeconds))]),
            Chart(
                bars: "Memory at its highest", y: "MiB", labels: names,
                [("resident", usage.map { Double($0.memoryPeakBytes) / Double(1 << 20) })]),
        ]
    }

    private var shares: Chart {
        var series = [("measured", readers.map { $0.share * 100 })]
        if let predicted = readers.first?.predictedShare {
            series.append(("predicted", readers.map { _ in predicted * 100 }))
        }
        return Chart(bars: "Share of all channels on each Reader", y: "%", labels: readers.map(\.name), series)
    }

    /// The formula of random placement over the number of Readers as a line, this run as a point.
    private var theory: [Chart] {
        guard let measured, let audience, let spread = measured.meanShare, let amplification = measured.amplification
        else { return [] }
        let table = ScalingTable(audience, readers: 1...max(20, settings.readers * 2), strategies: [.random])
        let point = PlacementCharts.Point(
            placement: settings.placement, readers: settings.readers, spread: spread, amplification: amplification,
            weighted: measured.weightedAmplification, imbalance: imbalance)
        return PlacementCharts(table: table, measured: [point]).all
    }

    private var latency: Chart? {
        guard let histogram = swarm?.latencyHistogram, histogram.count > 0 else { return nil }
        let steps = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 98, 99, 99.5, 99.9, 99.95, 99.99, 99.995, 99.999]
        // Beyond, fewer than one delivery would be slower.
        let points = steps.filter { (1 - $0 / 100) * Double(histogram.count) >= 1 }.compactMap { step in
            histogram.milliseconds(atPercentile: step).map { Chart.Point(x: 1 / (1 - step / 100), y: $0) }
        }
        var chart = Chart(
            "Latency from publish to receive", x: "% of all deliveries", y: "ms", [Chart.Series("latency", points)])
        chart.isOfPercentiles = true
        return chart
    }

    private var latencyOverTime: Chart {
        func points(_ milliseconds: (LatencySummary) -> Double?) -> [Chart.Point] {
            timeline.compactMap { sample in
                sample.latency.flatMap(milliseconds).map { Chart.Point(x: sample.seconds, y: $0) }
            }
        }
        return Chart(
            "Latency of each second, since a comment was due", x: "seconds of publishing", y: "ms",
            [
                Chart.Series("p50", points(\.p50), style: .markedLine),
                Chart.Series("p99", points(\.p99), style: .markedLine),
            ])
    }

    private func wanted(at seconds: Double) -> Double {
        // A sample is of the second before it.
        plannedStages.isEmpty ? settings.rate : plannedStages.rate(at: seconds - 1)
    }

    private var comments: Chart {
        Chart(
            "Comments", x: "seconds of publishing", y: "per second",
            [
                Chart.Series("wanted", timeline.map { Chart.Point(x: $0.seconds, y: wanted(at: $0.seconds)) }),
                Chart.Series("acknowledged", rate(\.acknowledged), style: .markedLine),
            ])
    }

    private var deliveries: Chart {
        Chart(
            "Deliveries", x: "seconds of publishing", y: "per second",
            [Chart.Series("delivered", rate(\.delivered), style: .markedLine)])
    }

    /// Of a number that grows, a second.
    private func rate(_ number: KeyPath<Sample, Int>) -> [Chart.Point] {
        let rates = rates(timeline.map { ($0.seconds, $0[keyPath: number]) })
        return zip(timeline, rates).dropFirst().map { Chart.Point(x: $0.seconds, y: $1) }
    }
}
