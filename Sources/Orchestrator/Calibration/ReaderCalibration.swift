import Audience
import Report
import Testbed

/// What a Reader costs: real viewers, over a grid of rates, viewers of a channel, and channels.
struct ReaderCalibration: Sendable {
    let capacity: Capacity
    let settings: CalibrationSettings
    let progress: Progress

    /// Viewers, channels, comments a second. Between them, and not on them, are the loads of `docs/BENCHMARKS.md`.
    static let grid: [(viewers: Int, channels: Int, rate: Double)] = [
        (500, 1, 20), (500, 1, 200), (1_500, 1, 8), (1_500, 1, 60), (3_000, 1, 25), (3_000, 1, 100), (4_000, 1, 6),
        (7_000, 1, 12), (7_000, 1, 120), (7_000, 1, 700), (14_000, 1, 8), (14_000, 1, 60), (14_000, 1, 350),
        (16_000, 1, 550),
        (4_000, 4, 60), (8_000, 8, 60), (12_000, 12, 200), (6_000, 60, 300), (6_000, 60, 900), (2_000, 200, 800),
        (1_000, 100, 400), (3_000, 300, 2_200), (8_000, 800, 1_500),
    ]

    /// A load that something disturbed is measured again.
    static let attemptsMax = 3
    static let viewersMax = grid.map(\.viewers).max() ?? 1

    /// The grid, with fewer viewers where these are wanted.
    var points: [ProbeLoad] {
        Self.grid.map {
            let viewers = max(1, $0.viewers * (settings.viewers ?? Self.viewersMax) / Self.viewersMax)
            return ProbeLoad(
                streams: min($0.channels, viewers), viewers: viewers, rate: $0.rate, seconds: settings.duration)
        }
    }

    /// One result for each point.
    func run(in folder: ReportFolder, _ binaries: Binaries) async throws -> [ProbeResult] {
        let points = points
        var results: [ProbeResult] = []
        for (index, point) in points.enumerated() {
            progress.step("Reader \(index + 1) of \(points.count): \(point.name)")
            let probe = LoadProbe(load: point, capacity: capacity)
            var result = try await probe.run(in: folder, "\(index + 1)", binaries)
            for attempt in 2...Self.attemptsMax {
                guard let problem = result.problem else { break }
                progress.step("  again: \(problem)")
                result = try await probe.run(in: folder, "\(index + 1)-\(attempt)", binaries)
            }
            results.append(result)
        }
        return results
    }
}

extension Calibration {
    mutating func take(_ results: [ProbeResult]) {
        points = results.map(Point.init)
        let usable = points.filter { $0.isUsed }.compactMap(\.measurement)
        fanout = FanoutFit.costs(usable)
        range = Range(
            connections: Double(usable.map(\.viewers).max() ?? 0),
            channelViewers: Double(usable.map { $0.viewers / max(1, $0.channels) }.max() ?? 0),
            messagesPerSecond: usable.map(\.rate).max() ?? 0,
            deliveriesPerSecond: usable.map(\.deliveriesPerSecond).max() ?? 0)
        let good = results.filter { $0.problem == nil }
        if let largest = good.max(by: { $0.load.viewers < $1.load.viewers }), let reader = largest.readers.first {
            let viewers = Double(largest.load.viewers)
            self.reader.processBytes = Double(reader.empty.memoryBytes)
            self.reader.connectionBytes = max(0, Double(reader.rested.memoryBytes - reader.empty.memoryBytes) / viewers)
            // Both ends of each connection are on this machine.
            self.reader.connectionKernelBytes =
                max(0, Double(reader.rested.kernelBytes - reader.empty.kernelBytes)) / viewers / 2
            self.reader.connectCPUMicroseconds =
                max(0, reader.connected.cpuSeconds - reader.empty.cpuSeconds) * 1e6 / viewers
            self.reader.descriptorsPerConnection =
                (Double(reader.rested.descriptors - reader.empty.descriptors) / viewers).rounded()
        }
        if let many = good.max(by: { $0.load.streams < $1.load.streams }), let reader = many.readers.first {
            let growth = Double(reader.rested.memoryBytes - reader.empty.memoryBytes)
            self.reader.subscriptionBytes = max(
                0, (growth - Double(many.load.viewers) * self.reader.connectionBytes) / Double(many.load.streams))
        }
        let delivered = good.reduce(0) { $0 + $1.report.delivery.delivered }
        self.reader.deliveryBytes = Double(good.reduce(0) { $0 + $1.report.bytesReceived }) / Double(max(delivered, 1))
        let rows = good.map { (comments: $0.readers[0].messagesPerSecond, $0) }.filter { $0.comments > 0 }
        commentAPIMicroseconds = Costs.slope(rows.map { ($0.comments, $0.1.commentAPI) }) * 1e6
        generatorMicroseconds = Costs.slope(rows.map { ($0.1.readers[0].writesPerSecond, $0.1.generators) }) * 1e6
    }
}

/// Costs from sums of costs.
enum Costs {
    /// The a of `y = a·x` with the least sum of squares; 0 without an x.
    static func slope(_ points: [(x: Double, y: Double)]) -> Double {
        let squares = points.reduce(0) { $0 + $1.x * $1.x }
        return squares > 0 ? points.reduce(0) { $0 + $1.x * $1.y } / squares : 0
    }

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
