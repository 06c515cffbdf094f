public import Report

extension SwarmReport {
    /// What every experiment with a swarm shows of it.
    public static let metrics = MetricList<SwarmReport> { list in
        list.group("Delivery")
        list.count("comments due") { $0.publishing.offered }
        list.count("comments acknowledged") { $0.publishing.acknowledged }
        list.count("comments refused") { $0.publishing.refused }
        list.count("comments with an unknown outcome") { $0.publishing.unknown }
        list.count("comments stored, to be published later") { $0.publishing.stored }
        list.count("comments failed", .lowerIsBetter, minimumDelta: 5) { $0.publishing.failed }
        list.count("comments dropped", .lowerIsBetter, minimumDelta: 5) { $0.publishing.dropped }
        list.add("dropped", .percent) { Double($0.publishing.dropped) * 100 / Double(max($0.publishing.offered, 1)) }
        list.count("deliveries expected") { $0.delivery.expected }
        list.count("delivered") { $0.delivery.delivered }
        list.count("lost", .lowerIsBetter, strict: true) { $0.delivery.lost }
        list.count("repeated", .lowerIsBetter, strict: true) { $0.delivery.repeated }
        list.count("out of order", .lowerIsBetter, strict: true) { $0.delivery.reordered }
        list.count("altered", .lowerIsBetter, strict: true) { $0.delivery.altered }
        list.count("written by nobody", .lowerIsBetter, strict: true) { $0.delivery.foreign }
        list.count("told missing") { $0.delivery.toldMissing }
        list.count("gaps") { $0.delivery.gaps }
        list.count("viewers left, others came") { $0.delivery.departed }
        list.count("viewers reconnected") { $0.viewers.reconnects }
        list.group("Latency")
        list.add("p50", .milliseconds, .lowerIsBetter, minimumDelta: 1) { $0.latencyMilliseconds.p50 }
        list.add("p90", .milliseconds) { $0.latencyMilliseconds.p90 }
        list.add("p99", .milliseconds, .lowerIsBetter, minimumDelta: 2) { $0.latencyMilliseconds.p99 }
        list.add("p99.9", .milliseconds) { $0.latencyMilliseconds.p999 }
        list.add("max", .milliseconds) { $0.latencyMilliseconds.max }
        list.add("p50 since it was due", .milliseconds) { LatencySummary($0.latencyFromDueHistogram).p50 }
        list.add("p99 since it was due", .milliseconds) { LatencySummary($0.latencyFromDueHistogram).p99 }
        list.count("below 1 µs, a clock set back") { Int($0.latencyHistogram.clampedLow) }
    }
}
