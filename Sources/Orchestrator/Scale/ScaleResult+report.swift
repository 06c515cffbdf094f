import Audience
import Placement
import Report
import Testbed

extension ScaleResult {
    static let metrics = MetricList<ScaleCase> { list in
        list.group("Subscriptions")
        list.count("subscriptions", .lowerIsBetter, minimumDelta: 50) { $0.subscribing.subscriptions }
        list.add("subscriptions of the simulated placement") { $0.model.subscriptions }
        list.add("subscriptions, formula") { $0.formula?.subscriptions.rounded() }
        list.add("spread", .percent) { $0.spread * 100 }
        list.add("spread, formula", .percent) { $0.formula.map { $0.spread * 100 } }
        list.add("spread above the simulated placement, points", .none, .lowerIsBetter, minimumDelta: 0.2) {
            $0.spreadExcess
        }
        list.count("viewers sent to another Reader") { $0.subscribing.redirects }
        list.add("amplification") { $0.amplification }
        list.add("weighted amplification", .none, .lowerIsBetter, minimumDelta: 0.05) { $0.weightedAmplification }
        list.add("weighted amplification of the simulated placement") { $0.model.weightedAmplification }
        list.add("wasted share", .percent) { $0.wastedShare * 100 }
        list.add("fullest Reader, times the mean", .none, .lowerIsBetter, minimumDelta: 0.02) { $0.viewersMaxOverMean }
        list.add("until all had a place", .seconds, .lowerIsBetter, minimumDelta: 1) { $0.subscribing.seconds }
        list.add("subscriptions a second", .perSecond) { $0.subscriptionsPerSecond }
        list.add("Redis memory for them", .bytes) { Double($0.subscribing.redisMemoryBytes) }
        list.add("Redis memory of a subscription", .bytes, .lowerIsBetter, minimumDelta: 10) { $0.bytesPerSubscription }
        list.add("memory of all processes", .bytes, .lowerIsBetter, minimumDelta: 33_554_432) { Double($0.memoryBytes) }
        list.add("seconds in all", .seconds) { $0.seconds }
        list.group("Comments at a rate")
        list.count("comments") { $0.paced?.publishes }
        list.count("Redis deliveries, as it answered") { $0.paced?.redisDeliveries }
        list.count("deliveries to viewers") { $0.deliveries }
        list.count("deliveries that the model demands") { $0.deliveriesExpected }
        list.count("faults", .lowerIsBetter, strict: true) { $0.faults.count }
        list.add("busiest Reader's deliveries, times the mean") { $0.deliveriesMaxOverMean }
        list.add("Readers' CPU a delivery", .microseconds) { result in
            result.paced.map { _ in result.readersCPUSeconds * 1e6 / Double(max(result.deliveries, 1)) }
        }
        list.add("Redis CPU", .seconds) { $0.paced?.redisCPUSeconds }
        list.add("publish to a viewer's turn, 50%", .milliseconds) { $0.latencyMilliseconds(50) }
        list.add("publish to a viewer's turn, 99%", .milliseconds) { $0.latencyMilliseconds(99) }
        list.add("latest comment behind its schedule", .milliseconds) { $0.paced?.lateMillisecondsMax }
        list.add("last comment to last delivery", .seconds) { $0.paced?.settleSeconds }
        list.group("As many comments as Redis takes")
        list.add("comments a second", .perSecond, .higherIsBetter, minimumDelta: 1_000) { $0.burst?.perSecond }
        list.add("comments for a second of Redis CPU") { $0.burst?.perCPUSecond.rounded() }
        list.add("Redis CPU a comment", .microseconds, .lowerIsBetter, minimumDelta: 0.1) {
            $0.burst?.microsecondsPerPublish
        }
        list.add("Redis deliveries a second", .perSecond) { $0.burst?.deliveriesPerSecond }
        list.count("Redis deliveries in the burst") { $0.burst?.redisDeliveries }
        list.count("Redis deliveries in the burst that the model demands") { $0.burst?.redisDeliveriesExpected }
        list.add("bytes to subscribers", .bytes) { $0.burst.map { Double($0.bytes) } }
        list.count("bytes missing") { $0.burst.map { $0.bytesExpected - $0.bytes } }
        list.add("Redis on a core", .percent) { $0.burst.map { $0.redisShare * 100 } }
        list.add("publisher's and subscribers' CPU", .seconds) { $0.burst?.generatorCPUSeconds }
    }

    private static let readerMetrics = MetricList<ScaleCase.Reader> { list in
        list.group("Readers")
        list.count("subscriptions of it") { $0.subscriptions }
        list.count("viewers") { $0.viewers }
        list.count("messages") { $0.messages }
        list.count("deliveries") { $0.deliveries }
        list.add("CPU", .seconds) { $0.cpuSeconds }
        list.add("memory", .bytes) { Double($0.memoryPeakBytes) }
    }

    static var definitions: [MetricDefinition] {
        metrics.definitions + readerMetrics.definitions + ProcessCosts.metrics.definitions
    }

    mutating func add(_ result: ScaleCase, _ layout: ScaleLayout) {
        cases.append(result)
        // One map for each placement: that of the largest number of Readers.
        if result.readers == settings.readers.last { maps.append(SubscriptionMap(layout)) }
    }

    func report(_ failure: Failure?) -> Report {
        var report = base
        report.summary = summary
        report.verdict.checks = [.completed(failure)]
        report.verdict.checks += cases.map { result in
            Check(
                result.name, problems: result.faults,
                else: "every subscription, message and delivery was as the model says")
        }
        report.metrics = cases.flatMap { Self.metrics.metrics(of: $0, scope: $0.name) }
        for result in cases {
            report.metrics += result.perReader.flatMap {
                Self.readerMetrics.metrics(of: $0, scope: "\(result.name), \($0.name)")
            }
        }
        report.metrics += processes.flatMap { ProcessCosts.metrics.metrics(of: $0, scope: $0.name) }
        report.details = ["Readers", "Processes"]
        report.maps = maps
        report.samples = cases.map { one in
            Report.Samples(
                "\(one.name): arriving", ["seconds", "viewers", "fullest Reader, times the mean"],
                rows: one.arriving.map {
                    [$0.seconds, Double($0.viewers.reduce(0, +)), one.maxOverMean($0.viewers)]
                })
        }
        report.charts = charts
        report.notes = [
            "Readers: a process each with the Reader's hub, one subscriber connection, viewers without sockets but for \(settings.sockets)",
            "viewers ask any Reader, and are placed by the Readers' own placement with announcements once a second through"
                + " Redis; a redirect goes through a list in Redis instead of HTTP",
            "as many as Redis takes: \(BurstPublisher.connections) connections, \(BurstPublisher.window) commands in flight"
                + " on each, plain PUBLISH of \(ScaleFrames.bytesWanted)-byte frames; subscribers that throw away what they"
                + " read, one connection a Reader",
        ]
        report.notes += cases.map { "limit, \($0.name): \($0.burst?.limit ?? "-")" }
        return report
    }

    /// How much more Redis takes than under the first placement on as many Readers.
    func gain(_ result: ScaleCase, _ rate: (ScaleCase.Burst) -> Double = \.perSecond) -> Double? {
        let first = cases.first { $0.readers == result.readers }?.burst.map(rate) ?? 0
        return first > 0 ? result.burst.map { rate($0) / first } : nil
    }

    /// For somebody who has read nothing else.
    private var summary: String {
        let readers = settings.readers.last
        guard let plain = cases.first(where: { $0.placement == .random && $0.readers == readers }) else { return "" }
        let flaw =
            "With \(Format.grouped(settings.viewers)) viewers placed at random, each of the \(plain.readers) Readers had to"
            + " subscribe to \(Format.percent(plain.spread)) of all \(Format.grouped(plain.subscribing.channels)) channels, and"
            + " Redis sent every comment \(Format.decimal(plain.weightedAmplification, 1)) times."
        guard let better = cases.last(where: { $0.placement == .overflow && $0.readers == readers }) else {
            return flaw
        }
        let cure =
            " With overflow it is \(Format.percent(better.spread)) and \(Format.decimal(better.weightedAmplification, 2)) times,"
            + " the fullest Reader holds \(Format.decimal(better.viewersMaxOverMean, 2)) times the mean"
        guard plain.burst != nil, better.burst != nil, let gain = gain(better),
            let perCPU = self.gain(better, \.perCPUSecond),
            cases.first(where: { $0.readers == readers })?.placement == .random
        else { return flaw + cure + "." }
        return flaw + cure + ", and the same Redis took \(Format.decimal(gain, 1)) times as many comments a second"
            + " (\(Format.decimal(perCPU, 1)) times for a second of its processor time)."
    }
}
