import Foundation
import Report
import Testbed

/// What things cost on one machine. Every number was measured there, and belongs to it alone. `calibration.json` is its report.
struct Calibration: Equatable, Sendable {
    /// Where it was measured.
    var environment: Report.Environment
    /// UTC.
    var finishedAt = ""
    var reader = Reader()
    var redis = Redis()

    /// A Reader process.
    struct Reader: Equatable, Sendable {
        /// Resident memory without a viewer.
        var processBytes = 0.0
        /// What a connection adds to it.
        var connectionBytes = 0.0
        /// Kernel memory of one end of a connection.
        var connectionKernelBytes = 0.0
        /// What a subscribed channel adds to the process.
        var subscriptionBytes = 0.0
        var connectCPUMicroseconds = 0.0
        /// Of the Reader, for one event to one viewer: on a channel with many.
        var deliveryCPUMicroseconds = 0.0
        /// Of the Reader, for one message from Redis, before anybody gets it.
        var messageCPUMicroseconds = 0.0
        /// On the viewer's stream.
        var deliveryBytes = 0.0
        var descriptorsPerConnection = 1.0
        /// Publish to receive, 99% of the deliveries, at the load that it was measured at.
        var p99Milliseconds = 0.0
        /// Part of one core that the Reader used then.
        var p99Load = 0.0
        /// Viewers of the channel that it was measured on.
        var p99Viewers = 0.0
    }

    /// A Redis process; it has one thread for commands.
    struct Redis: Equatable, Sendable {
        /// Memory without a channel.
        var processBytes = 0.0
        /// Of a channel that has a subscriber, and of each subscription.
        var channelBytes = 0.0
        var subscriptionBytes = 0.0
        /// Of a comment in the history.
        var historyBytes = 0.0
        /// Of the publish as CommentAPI does it: offset, history and PUBLISH in one script, without a subscriber.
        var publishCPUMicroseconds = 0.0
        /// Of each subscriber that a publish goes to.
        var deliveryCPUMicroseconds = 0.0
        /// To each subscriber.
        var deliveryBytes = 0.0
    }

    /// Of each packet: Ethernet, IP and TCP with time stamps. Not measured: the loopback has none of the first.
    static let packetBytes = 14.0 + 20 + 32
}

extension Calibration {
    private struct Cost: Sendable {
        var name: String
        var unit: Metric.Unit
        var path: any WritableKeyPath<Calibration, Double> & Sendable
        /// Nothing can be planned without it.
        var isNeeded = false
        /// Of a value in the metric's unit.
        var factor = 1.0
    }

    /// Every cost, Readers first.
    private static let costs: [Cost] = [
        Cost(name: "Reader process without viewers", unit: .bytes, path: \.reader.processBytes),
        Cost(name: "Reader, a connection", unit: .bytes, path: \.reader.connectionBytes, isNeeded: true),
        Cost(name: "kernel, one end of a connection", unit: .bytes, path: \.reader.connectionKernelBytes),
        Cost(name: "Reader, a subscribed channel", unit: .bytes, path: \.reader.subscriptionBytes),
        Cost(name: "Reader, a connect", unit: .microseconds, path: \.reader.connectCPUMicroseconds),
        Cost(
            name: "Reader, an event to a viewer", unit: .microseconds, path: \.reader.deliveryCPUMicroseconds,
            isNeeded: true),
        Cost(name: "Reader, a message from Redis", unit: .microseconds, path: \.reader.messageCPUMicroseconds),
        Cost(name: "an event on a viewer's stream", unit: .bytes, path: \.reader.deliveryBytes, isNeeded: true),
        Cost(name: "descriptors of a connection", unit: .none, path: \.reader.descriptorsPerConnection),
        Cost(name: "p99", unit: .milliseconds, path: \.reader.p99Milliseconds, isNeeded: true),
        Cost(name: "Reader's load then, of one core", unit: .percent, path: \.reader.p99Load, factor: 100),
        Cost(name: "viewers of the channel then", unit: .none, path: \.reader.p99Viewers),
        Cost(name: "Redis process", unit: .bytes, path: \.redis.processBytes),
        Cost(name: "Redis, a channel with a subscriber", unit: .bytes, path: \.redis.channelBytes),
        Cost(name: "Redis, a subscription", unit: .bytes, path: \.redis.subscriptionBytes, isNeeded: true),
        Cost(name: "Redis, a comment in the history", unit: .bytes, path: \.redis.historyBytes),
        Cost(
            name: "Redis, a publish with history", unit: .microseconds, path: \.redis.publishCPUMicroseconds,
            isNeeded: true),
        Cost(
            name: "Redis, a delivery to a Reader", unit: .microseconds, path: \.redis.deliveryCPUMicroseconds,
            isNeeded: true),
        Cost(name: "Redis to a Reader, a comment", unit: .bytes, path: \.redis.deliveryBytes),
    ]

    static let metrics = MetricList<Calibration> { list in
        list.group("Costs")
        for cost in costs {
            let isCost = cost.unit == .bytes || cost.unit == .microseconds || cost.unit == .milliseconds
            list.add(cost.name, cost.unit, isCost ? .lowerIsBetter : .neutral) { $0[keyPath: cost.path] * cost.factor }
        }
    }

    /// - Throws: ``Failure/missing(_:)`` when there is no file, ``Failure/arguments(_:)`` when it is no calibration that can
    ///   be planned with.
    static func read(_ path: String) throws(Failure) -> Calibration {
        guard FileManager.default.fileExists(atPath: path) else {
            throw .missing(
                "\(path): there is no calibration; measure this machine with 'Orchestrator calibrate --file \(path)' (about a"
                    + " minute), or name another file with --calibration")
        }
        let again = "measure again with 'Orchestrator calibrate --file \(path)'"
        do throws(ReportError) {
            let report = try Report.read(path)
            guard report.kind == "calibration" else { throw .invalid("is a report of kind '\(report.kind)'") }
            var calibration = Calibration(environment: report.environment, finishedAt: report.finishedAt)
            for cost in costs {
                guard let value = report.value(cost.name) else { throw .invalid("'\(cost.name)' is missing") }
                calibration[keyPath: cost.path] = value / cost.factor
            }
            if let problem = calibration.problem { throw .invalid(problem) }
            return calibration
        } catch {
            throw .arguments(["--calibration \(path): \(error.description); \(again)"])
        }
    }

    /// Costs that were lost in noise: nothing can be planned with them.
    var problem: String? {
        let wrong = Self.costs.filter { $0.isNeeded && !(self[keyPath: $0.path] > 0) }.map { "'\($0.name)'" }
        return wrong.isEmpty ? nil : "\(wrong.joined(separator: ", ")) must be above 0"
    }

    /// - Parameter base: what the report begins with.
    func report(_ base: Report) -> Report {
        var report = base
        report.finishedAt = finishedAt
        report.summary = summary
        report.metrics = Self.metrics.metrics(of: self)
        report.verdict.checks = [
            .completed(nil),
            Check(
                "costs",
                problems: problem.map { ["noise hid a cost: \($0). Measure again when the machine is quiet"] } ?? [],
                else: "every cost was measured", exitCode: .unavailable),
        ]
        let times = report.metrics.filter { $0.unit == .microseconds && $0.value < 100 }
        let bytes = [
            ("viewer: Reader", reader.connectionBytes), ("viewer: kernel", reader.connectionKernelBytes),
            ("subscription: Reader", reader.subscriptionBytes), ("subscription: Redis", redis.subscriptionBytes),
        ]
        report.charts = [
            Chart(bars: "Processor time", y: "µs", labels: times.map(\.name), [("µs", times.map(\.value))]),
            Chart(
                bars: "Memory of a viewer and of a subscription", y: "bytes", labels: bytes.map(\.0),
                [("bytes", bytes.map(\.1))]),
        ]
        return report
    }

    private var summary: String {
        "On this machine a Reader spends \(Format.decimal(reader.deliveryCPUMicroseconds, 1)) µs on an event to a viewer, and"
            + " Redis \(Format.decimal(redis.publishCPUMicroseconds, 1)) µs on a comment and"
            + " \(Format.decimal(redis.deliveryCPUMicroseconds, 2)) µs on each Reader that gets it. A viewer costs"
            + " \(Format.bytes(reader.connectionBytes)) in the Reader and"
            + " \(Format.bytes(reader.connectionKernelBytes)) in the kernel."
            + (environment.build == "debug" ? " This is a debug build: a release build costs a fraction." : "")
    }
}

/// Two costs from two measurements, each of which is a sum of both.
enum Costs {
    /// The a and b of `first.x·a + first.y·b = first.cost` and the same of `second`; `nil` when the two say the same
    /// thing twice. What noise makes negative is 0, and the other one then carries all of the second measurement.
    static func solve(
        _ first: (x: Double, y: Double, cost: Double), _ second: (x: Double, y: Double, cost: Double)
    ) -> (a: Double, b: Double)? {
        let determinant = first.x * second.y - second.x * first.y
        guard abs(determinant) > 1e-9 * max(abs(first.x * second.y), abs(second.x * first.y)) else { return nil }
        let a = (first.cost * second.y - second.cost * first.y) / determinant
        let b = (first.x * second.cost - second.x * first.cost) / determinant
        if a < 0 { return (0, second.y > 0 ? second.cost / second.y : 0) }
        if b < 0 { return (second.x > 0 ? second.cost / second.x : 0, 0) }
        return (a, b)
    }
}
