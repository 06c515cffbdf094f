import Audience
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
    /// Of the Readers' loops; `nil` when too little could be measured.
    var fanout: FanoutCosts?
    /// Of a comment in CommentAPI.
    var commentAPIMicroseconds = 0.0
    /// Of a write that a simulated viewer reads: for what fits on one machine.
    var generatorMicroseconds = 0.0
    /// The largest loads of a Reader that were measured: beyond them nobody has looked.
    var range = Range()
    /// Of the grid, for the report; not read again.
    var points: [Point] = []

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
        /// Of an event on the viewer's stream.
        var deliveryBytes = 0.0
        var descriptorsPerConnection = 1.0
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

    struct Range: Equatable, Sendable {
        var connections = 0.0
        var channelViewers = 0.0
        var messagesPerSecond = 0.0
        var deliveriesPerSecond = 0.0
    }

    /// One load of the grid.
    struct Point: Equatable, Sendable {
        var load: ProbeLoad
        var measurement: FanoutMeasurement?
        /// Why nothing was measured.
        var problem: String?

        init(_ result: ProbeResult) {
            (load, measurement, problem) = (result.load, result.measurement, result.problem)
            if let measurement, measurement.machineLoad > FanoutFit.machineLoadMax {
                problem = "\(Format.percent(measurement.machineLoad)) of the machine were in use"
            }
        }

        /// What a saturated generator or machine measured is no cost.
        var isUsed: Bool { problem == nil && measurement != nil }
    }

    /// Of each packet: Ethernet, IP and TCP with time stamps. Not measured: the loopback has none of the first.
    static let packetBytes = 14.0 + 20 + 32
    /// What fits into one, of an Ethernet with 1,500 bytes.
    static let packetBytesMax = 1_448.0
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

        init(
            _ name: String, _ unit: Metric.Unit, _ path: any WritableKeyPath<Calibration, Double> & Sendable,
            needed: Bool = false, factor: Double = 1
        ) {
            (self.name, self.unit, self.path, isNeeded, self.factor) = (name, unit, path, needed, factor)
        }
    }

    /// Of a Reader's loops.
    var loopCosts: FanoutCosts {
        var costs = loops
        costs.eventBytes = reader.deliveryBytes
        return costs
    }

    /// ``fanout``, which is written and read number by number.
    private var loops: FanoutCosts {
        get { fanout ?? FanoutCosts() }
        set { fanout = newValue }
    }

    /// Every cost, Readers first.
    private static let costs: [Cost] = [
        Cost("Reader process without viewers", .bytes, \.reader.processBytes),
        Cost("Reader, a connection", .bytes, \.reader.connectionBytes, needed: true),
        Cost("kernel, one end of a connection", .bytes, \.reader.connectionKernelBytes),
        Cost("Reader, a subscribed channel", .bytes, \.reader.subscriptionBytes),
        Cost("Reader, a connect", .microseconds, \.reader.connectCPUMicroseconds),
        Cost("an event on a viewer's stream", .bytes, \.reader.deliveryBytes, needed: true),
        Cost("descriptors of a connection", .none, \.reader.descriptorsPerConnection),
        Cost("Reader without comments, of one core", .percent, \.loops.idle, factor: 100),
        Cost("Reader, waking up for messages", .microseconds, \.loops.wake, factor: 1e6),
        Cost("Reader, a write to a viewer", .microseconds, \.loops.write, factor: 1e6),
        Cost("more when its socket is in no cache", .microseconds, \.loops.miss, factor: 1e6),
        Cost("connections of which half are in a cache", .none, \.loops.cached, needed: true),
        Cost("more when viewers of other channels lie between", .microseconds, \.loops.apart, factor: 1e6),
        Cost("more when the loop has slept", .microseconds, \.loops.rested, factor: 1e6),
        Cost("Reader, an event in a write", .microseconds, \.loops.event, needed: true, factor: 1e6),
        Cost("p99 without the passes", .milliseconds, \.loops.base, factor: 1e3),
        Cost("passes within which 99% are made", .none, \.loops.passes, needed: true),
        Cost("pauses of a pass, of its processor time", .percent, \.loops.pause, factor: 100),
        Cost("CommentAPI, a comment", .microseconds, \.commentAPIMicroseconds, needed: true),
        Cost("generator, a write that it reads", .microseconds, \.generatorMicroseconds),
        Cost("measured up to: connections of a Reader", .none, \.range.connections, needed: true),
        Cost("measured up to: viewers of a channel", .none, \.range.channelViewers, needed: true),
        Cost("measured up to: messages to a Reader", .perSecond, \.range.messagesPerSecond, needed: true),
        Cost("measured up to: events of a Reader", .perSecond, \.range.deliveriesPerSecond, needed: true),
        Cost("Redis process", .bytes, \.redis.processBytes),
        Cost("Redis, a channel with a subscriber", .bytes, \.redis.channelBytes),
        Cost("Redis, a subscription", .bytes, \.redis.subscriptionBytes, needed: true),
        Cost("Redis, a comment in the history", .bytes, \.redis.historyBytes),
        Cost("Redis, a publish with history", .microseconds, \.redis.publishCPUMicroseconds, needed: true),
        Cost("Redis, a delivery to a Reader", .microseconds, \.redis.deliveryCPUMicroseconds, needed: true),
        Cost("Redis to a Reader, a comment", .bytes, \.redis.deliveryBytes),
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
                "\(path): there is no calibration; measure this machine with 'Orchestrator calibrate --file \(path)' (about"
                    + " five minutes), or name another file with --calibration")
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
        guard fanout != nil else {
            return "too few loads could be measured: \(points.count { $0.isUsed }) of \(points.count)"
        }
        let wrong = Self.costs.filter { $0.isNeeded && !(self[keyPath: $0.path] > 0) }.map { "'\($0.name)'" }
        return wrong.isEmpty ? nil : "noise hid a cost: \(wrong.joined(separator: ", ")) must be above 0"
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
                "costs", problems: problem.map { ["\($0). Measure again when the machine is quiet"] } ?? [],
                else: "every cost was measured", exitCode: .unavailable),
            Check("loads", problems: unused, else: "most loads of the grid were measured", exitCode: .unavailable),
        ]
        report.tables = [residuals]
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

    /// Loads that could not be used, when these are more than one of four: each with its reason.
    private var unused: [String] {
        let unused = points.filter { !$0.isUsed }
        guard unused.count * 4 > points.count else { return [] }
        return unused.map { "\($0.load.name): \($0.problem ?? "nothing was measured")" }
    }

    /// Every load, and how far the model with the fitted costs is off.
    private var residuals: Table {
        var table = Table(
            "Loads that were measured, and the model with these costs",
            [
                .init("load", .left), .init("Reader's cores"), .init("model"), .init("off"), .init("p99 ms"),
                .init("model"), .init("off"), .init("events a write"), .init("not used: why", .left),
            ])
        for point in points {
            guard let one = point.measurement, let fanout else {
                table.add([point.load.name, "-", "-", "-", "-", "-", "-", "-", point.problem ?? "-"])
                continue
            }
            let residual = FanoutResidual(one, fanout)
            table.add([
                point.load.name, Format.decimal(one.cores, 3), Format.decimal(residual.predicted.cores, 3),
                Format.signedPercent(residual.cores), Format.decimal(one.p99 * 1000, 1),
                Format.decimal(residual.predicted.p99 * 1000, 1), Format.signedPercent(residual.p99),
                Format.decimal(one.deliveriesPerSecond / max(one.writesPerSecond, 1), 1), point.problem ?? "",
            ])
        }
        return table
    }

    private var summary: String {
        let write = loops.write + loops.miss
        return "On this machine a Reader spends \(Format.decimal(loops.write * 1e6, 1)) to"
            + " \(Format.decimal(write * 1e6, 1)) µs on a write to a viewer, and \(Format.decimal(loops.event * 1e9, 0)) ns on each"
            + " event in it; Redis \(Format.decimal(redis.publishCPUMicroseconds, 1)) µs on a comment and"
            + " \(Format.decimal(redis.deliveryCPUMicroseconds, 2)) µs on each Reader that gets it. A viewer costs"
            + " \(Format.bytes(reader.connectionBytes)) in the Reader and"
            + " \(Format.bytes(reader.connectionKernelBytes)) in the kernel."
            + (environment.build == "debug" ? " This is a debug build: a release build costs a fraction." : "")
    }
}

extension Format {
    /// `+7%`, `-12%`.
    static func signedPercent(_ share: Double) -> String {
        share.isFinite ? (share >= 0 ? "+" : "") + "\(Int((share * 100).rounded()))%" : "-"
    }
}
