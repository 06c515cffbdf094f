internal import Glibc

/// One Reader under one load, as it was measured: `channels` channels with as many viewers each.
public struct FanoutMeasurement: Codable, Equatable, Sendable {
    public var viewers: Int
    public var channels: Int
    /// Comments a second over all channels: those that came, not those that were asked for.
    public var rate: Double
    /// Processor time of the Reader a second.
    public var cores: Double
    public var writesPerSecond: Double
    public var deliveriesPerSecond: Double
    /// Seconds from publish to receive: 99% of the deliveries.
    public var p99: Double
    /// Of all processors of the machine, generators and the other services included, 0 to 1.
    public var machineLoad: Double
    /// Part of the time that the Reader's loop worked, 0 to 1, as it says itself.
    public var busy: Double
    /// Of the Reader before anybody wrote a comment, in cores.
    public var idle: Double

    public init(
        viewers: Int, channels: Int, rate: Double, cores: Double, writesPerSecond: Double, deliveriesPerSecond: Double,
        p99: Double, machineLoad: Double, busy: Double, idle: Double
    ) {
        (self.busy, self.idle) = (busy, idle)
        self.viewers = viewers
        self.channels = channels
        self.rate = rate
        self.cores = cores
        self.writesPerSecond = writesPerSecond
        self.deliveriesPerSecond = deliveriesPerSecond
        self.p99 = p99
        self.machineLoad = machineLoad
    }

    public var load: [FanoutChannels] {
        let count = Double(max(1, channels))
        return [FanoutChannels(count: count, viewers: Double(viewers) / count, rate: rate / count)]
    }

    /// Seconds of a pass, from how many events there were in a write: the x with x/(1-e^(-x)) of them, over the rate of one
    /// channel. `nil` where nearly every write had one event: that says nothing of how long a pass took.
    var pass: Double? {
        let events = deliveriesPerSecond / max(writesPerSecond, 1)
        guard events > 1.02, rate > 0 else { return nil }
        var (low, high) = (0.0, events)
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if middle < events * -expm1(-middle) { low = middle } else { high = middle }
        }
        return high / (rate / Double(max(1, channels)))
    }
}

/// A measurement, and what the model makes of the same load.
public struct FanoutResidual: Equatable, Sendable {
    public var measured: FanoutMeasurement
    public var predicted: FanoutModel.Prediction

    public init(_ measured: FanoutMeasurement, _ costs: FanoutCosts) {
        self.measured = measured
        predicted = FanoutModel(costs).predict(measured.load, connections: Double(measured.viewers))
    }

    /// How far the prediction is off, as a part of what was measured.
    public var cores: Double { predicted.cores / measured.cores - 1 }
    public var p99: Double { predicted.p99 / measured.p99 - 1 }
}

/// Finds the costs of ``FanoutModel`` in measurements of Readers with one loop. All errors count as parts of what was
/// measured: else only the heaviest loads would matter.
public enum FanoutFit {
    /// A machine on which more than this is in use has no core left when a loop wants one: what was measured is the machine's.
    public static let machineLoadMax = 0.85
    /// Fewer say nothing: there are eleven costs.
    public static let measurementsMin = 12

    /// - Parameter measurements: those of a machine that was full are left out.
    /// - Returns: `nil` for fewer than ``measurementsMin`` others.
    public static func costs(_ measurements: [FanoutMeasurement]) -> FanoutCosts? {
        let usable = measurements.filter { $0.machineLoad <= machineLoadMax && $0.cores > 0 && $0.p99 > 0 }
        guard usable.count >= measurementsMin else { return nil }
        var costs = processorTimes(usable)
        costs.pause = pause(usable, costs)
        (costs.base, costs.passes) = latencies(usable, costs)
        return costs
    }

    /// Every processor time but ``FanoutCosts/cached`` is a factor of something that was counted; that one is tried.
    private static func processorTimes(_ measurements: [FanoutMeasurement]) -> FanoutCosts {
        let idle = measurements.map(\.idle).sorted()[measurements.count / 2]
        var best = (costs: FanoutCosts(), error: Double.infinity)
        for step in 0...24 {
            let cached = 250 * pow(2, Double(step) / 4)
            let rows = measurements.map { one in
                let (writes, viewers) = (one.writesPerSecond, Double(one.viewers))
                return [
                    FanoutCosts.wakes(one.rate), writes, writes * viewers / (viewers + cached),
                    writes * (1 - 1 / Double(max(1, one.channels))), writes * max(0, 1 - one.busy),
                    one.deliveriesPerSecond,
                ].map { $0 / one.cores }
            }
            let targets = measurements.map { 1 - idle / $0.cores }
            let found = LeastSquares.nonNegative(rows: rows, targets: targets)
            let error = zip(rows, targets).reduce(0) { sum, row in
                let rest = row.1 - zip(row.0, found).reduce(0) { $0 + $1.0 * $1.1 }
                return sum + rest * rest
            }
            guard error < best.error else { continue }
            var costs = FanoutCosts()
            (costs.idle, costs.cached) = (idle, cached)
            (costs.wake, costs.write, costs.miss) = (found[0], found[1], found[2])
            (costs.apart, costs.rested, costs.event) = (found[3], found[4], found[5])
            best = (costs, error)
        }
        return best.costs
    }

    /// The one with which passes last as long as they did.
    private static func pause(_ measurements: [FanoutMeasurement], _ costs: FanoutCosts) -> Double {
        func error(_ pause: Double) -> Double {
            var tried = costs
            tried.pause = pause
            return measurements.reduce(0) { sum, one in
                guard let pass = one.pass else { return sum }
                let error = log(FanoutResidual(one, tried).predicted.pass / pass)
                return sum + (error.isFinite ? error * error : 100)
            }
        }
        return stride(from: 0.0, through: 2, by: 0.05).min { error($0) < error($1) } ?? 0
    }

    /// The two with the least sum of |ln(model/measured)|: a disturbance of the machine shows in a 99th percentile first, and
    /// one load that was disturbed must not bend the rest.
    private static func latencies(_ measurements: [FanoutMeasurement], _ costs: FanoutCosts) -> (Double, Double) {
        let points = measurements.map { (pass: FanoutResidual($0, costs).predicted.p99, measured: $0.p99) }
            .filter { $0.pass.isFinite }
        var best = (base: 0.0, passes: 1.0, error: Double.infinity)
        let least = points.map(\.measured).min() ?? 0
        for base in stride(from: 0, through: least * 1.5, by: least / 50) where least > 0 {
            for passes in stride(from: 1, through: 4, by: 0.02) {
                let error = points.reduce(0) { $0 + abs(log((base + passes * $1.pass) / $1.measured)) }
                if error < best.error { best = (base, passes, error) }
            }
        }
        return (best.base, best.passes)
    }
}
