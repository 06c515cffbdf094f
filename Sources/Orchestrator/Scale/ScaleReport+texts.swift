import Audience
import Placement

extension ScaleReport {
    mutating func add(_ result: ScaleCase, _ layout: ScaleLayout) {
        cases.append(result)
        // One map for each placement: that of the largest number of Readers.
        if result.readers == settings.readers.last { maps.append(SubscriptionMap(layout)) }
    }

    mutating func finish(_ failure: Failure?) {
        finishedAt = RunRecorder.now()
        let faults = cases.flatMap(\.faults)
        if let failure {
            verdict = RunReport.Verdict(status: failure.status, reason: failure.description)
        } else if !faults.isEmpty {
            verdict = RunReport.Verdict(status: .auditFailed, reason: faults.joined(separator: "; "))
        } else {
            verdict = RunReport.Verdict(
                status: .fine, reason: "every subscription, message and delivery was as the model says")
        }
    }

    /// In the order of ``cases``: how much more Redis takes than under the first placement on as many Readers.
    func gain(_ result: ScaleCase) -> Double? {
        guard let first = cases.first(where: { $0.readers == result.readers })?.burst, let burst = result.burst,
            first.perSecond > 0
        else { return nil }
        return burst.perSecond / first.perSecond
    }

    /// The same for a second of Redis's processor time.
    func gainPerCPU(_ result: ScaleCase) -> Double? {
        guard let first = cases.first(where: { $0.readers == result.readers })?.burst, let burst = result.burst,
            first.perCPUSecond > 0
        else { return nil }
        return burst.perCPUSecond / first.perCPUSecond
    }

    /// For somebody who has read nothing else.
    var conclusion: String {
        let readers = settings.readers.last
        guard let plain = cases.first(where: { $0.placement == .random && $0.readers == readers }) else { return "" }
        let flaw =
            "With \(Figure.grouped(settings.viewers)) viewers placed at random, each of the \(plain.readers) Readers had to"
            + " subscribe to \(Format.percent(plain.spread)) of all \(Figure.grouped(plain.subscribing.channels)) channels, and"
            + " Redis sent every comment \(Figure.decimal(plain.weightedAmplification, 1)) times."
        guard let better = cases.last(where: { $0.placement == .overflow && $0.readers == readers }) else {
            return flaw
        }
        let cure =
            " With overflow it is \(Format.percent(better.spread)) and \(Figure.decimal(better.weightedAmplification, 2)) times,"
            + " the fullest Reader holds \(Figure.decimal(better.viewersMaxOverMean, 2)) times the mean"
        guard plain.burst != nil, better.burst != nil, let gain = gain(better), let perCPU = gainPerCPU(better),
            cases.first(where: { $0.readers == readers })?.placement == .random
        else { return flaw + cure + "." }
        return flaw + cure + ", and the same Redis took \(Figure.decimal(gain, 1)) times as many comments a second"
            + " (\(Figure.decimal(perCPU, 1)) times for a second of its processor time)."
    }

    func summary() -> String {
        "\n" + sections.map { "\($0.title)\n\n\($0.table.plain())\n" }.joined() + "\(conclusion)\n\n\(outcome)"
    }

    private var outcome: String { "Verdict: \(verdict.reason) (exit code \(verdict.status.rawValue))." }
}

extension ScaleReport: Report {
    func markdown() -> String {
        "# Scale\n\n\(conclusion)\n\n\(outcome)\n\n"
            + (sections + [conditions]).map {
                "## \($0.title)\n\n\($0.table.markdown())\n"
            }.joined()
    }

    /// One line a case.
    func csv() -> String {
        var file = CSV([
            "placement", "readers", "streams", "viewers", "audience", "seed", "channels", "subscriptions",
            "subscriptions_model", "spread", "spread_formula", "amplification", "weighted_amplification",
            "wasted_share", "viewers_max_over_mean", "deliveries_max_over_mean", "subscribe_seconds",
            "redis_memory_bytes", "paced_publishes", "paced_deliveries", "paced_deliveries_expected",
            "burst_publishes_per_second", "burst_publishes_per_redis_cpu_second", "burst_us_per_publish",
            "burst_redis_share", "memory_bytes", "seconds",
        ])
        for result in cases {
            let fixed = [
                result.placement.rawValue, "\(result.readers)", "\(settings.streams)", "\(settings.viewers)",
                "\(settings.audience)", "\(settings.seed)", "\(result.subscribing.channels)",
                "\(result.subscribing.subscriptions)", Format.plain(result.model.subscriptions), "\(result.spread)",
                result.formula.map { "\($0.spread)" } ?? "", "\(result.amplification)",
                "\(result.weightedAmplification)", "\(result.wastedShare)",
            ]
            file.add(
                fixed + [
                    "\(result.viewersMaxOverMean)", "\(result.deliveriesMaxOverMean)", "\(result.subscribing.seconds)",
                    "\(result.subscribing.redisMemoryBytes)", "\(result.paced?.publishes ?? 0)",
                    "\(result.deliveries)", "\(result.deliveriesExpected)", "\(result.burst?.perSecond ?? 0)",
                    "\(result.burst?.perCPUSecond ?? 0)", "\(result.burst?.microsecondsPerPublish ?? 0)",
                    "\(result.burst?.redisShare ?? 0)", "\(result.memoryBytes)", "\(result.seconds)",
                ])
        }
        return file.text
    }

    func page() -> Page {
        var page = Page(
            title: "Scale: \(Figure.grouped(settings.streams)) streams, \(Figure.grouped(settings.viewers)) viewers",
            conclusion: [conclusion, outcome].filter { !$0.isEmpty }.joined(separator: " "))
        page.maps = maps
        page.charts = charts
        page.tables = sections + [conditions]
        page.footer = command
        return page
    }
}
