import Audience

extension RunReport: ComparableReport {
    static let kind = "run"

    var figures: [(metric: Comparison.Metric, value: Double)] {
        RunReport.metrics.compactMap { metric, value in value(self).map { (metric, $0) } }
    }

    var circumstances: [(name: String, value: String)] { Circumstances.of(command, software, machine) }

    var trouble: String? { verdict.status == .fine ? nil : verdict.reason }

    /// Each is `nil` for a run that did not come so far.
    private static var metrics: [(Comparison.Metric, (RunReport) -> Double?)] {
        [
            (
                Comparison.Metric(name: "lost", unit: "", floor: 0, isStrict: true),
                { $0.swarm.map { Double($0.delivery.lost) } }
            ),
            (
                Comparison.Metric(name: "repeated", unit: "", floor: 0, isStrict: true),
                { $0.swarm.map { Double($0.delivery.repeated) } }
            ),
            (
                Comparison.Metric(name: "out of order", unit: "", floor: 0, isStrict: true),
                { $0.swarm.map { Double($0.delivery.reordered) } }
            ),
            (
                Comparison.Metric(name: "viewers not connected", unit: "", floor: 0, isStrict: true),
                { Double($0.connections.failed) }
            ),
            (
                Comparison.Metric(name: "comments dropped or failed", unit: "", floor: 5),
                { $0.swarm.map { Double($0.publishing.dropped + $0.publishing.failed) } }
            ),
            (Comparison.Metric(name: "latency p50", unit: "ms", floor: 1), { $0.swarm?.latencyMilliseconds.p50 }),
            (Comparison.Metric(name: "latency p99", unit: "ms", floor: 2), { $0.swarm?.latencyMilliseconds.p99 }),
            (
                Comparison.Metric(name: "share of the channels on a Reader", unit: "%", floor: 1),
                { $0.spread.map { $0.meanShare * 100 } }
            ),
            (
                Comparison.Metric(name: "weighted amplification", unit: "", floor: 0.05),
                { $0.spread?.weightedAmplification }
            ),
            (Comparison.Metric(name: "connecting", unit: "s", floor: 0.5), { $0.connections.seconds }),
            (Comparison.Metric(name: "Readers' CPU per 1,000 deliveries", unit: "ms", floor: 0.5), readerCost),
            (
                Comparison.Metric(name: "Redis's CPU while publishing", unit: "s", floor: 0.1),
                { $0.redis?.cpuSecondsWhilePublishing }
            ),
            (Comparison.Metric(name: "Readers' memory", unit: "MiB", floor: 4), readerMemory),
        ]
    }

    private static func readerCost(_ report: RunReport) -> Double? {
        guard let delivered = report.swarm?.delivery.delivered, delivered > 0 else { return nil }
        return report.readers.reduce(0) { $0 + $1.usage.cpuSeconds } * 1_000_000 / Double(delivered)
    }

    private static func readerMemory(_ report: RunReport) -> Double? {
        guard !report.readers.isEmpty else { return nil }
        return Double(report.readers.reduce(0) { $0 + $1.usage.memoryPeakBytes }) / Double(1 << 20)
    }
}

enum Circumstances {
    static func of(_ command: String, _ software: Software, _ machine: Machine) -> [(name: String, value: String)] {
        [
            ("the command", command), ("the build", software.build), ("the processor", machine.processor),
            ("the number of cores", "\(machine.cores)"),
        ]
    }
}
