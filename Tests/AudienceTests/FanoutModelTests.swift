import Audience
import Foundation
import Testing

/// One machine with two cores, 2026-11-30: viewers, channels, comments/s, cores, writes/s, deliveries/s, p99 in s, part of the
/// machine in use, part of the time that the loop worked.
private let measured: [(Int, Int, Double, Double, Double, Double, Double, Double, Double)] = [
    (10_000, 1, 195.6, 0.969, 138_947, 1_949_323, 0.1005, 0.81, 0.984),
    (1_000, 1, 46.9, 0.225, 39_527, 46_858, 0.0119, 0.21, 0.236),
    (10_000, 1, 488.3, 0.952, 108_233, 4_848_656, 0.1298, 0.86, 0.976),
    (2_000, 1, 20.5, 0.243, 34_971, 41_062, 0.0257, 0.19, 0.269),
    (2_000, 1, 95.9, 0.64, 108_073, 191_775, 0.0235, 0.61, 0.649),
    (2_000, 1, 393.8, 0.918, 156_897, 787_606, 0.0298, 0.9, 0.948),
    (2_000, 1, 1507.2, 0.853, 127_450, 3_014_365, 0.046, 0.97, 0.946),
    (10_000, 1, 8.8, 0.502, 60_530, 87_623, 0.1068, 0.31, 0.514),
    (18_000, 1, 8.7, 0.751, 86_786, 156_874, 0.169, 0.47, 0.748),
    (18_000, 1, 95.6, 0.984, 114_524, 1_705_671, 0.1732, 0.7, 0.983),
    (5_000, 5, 95.1, 0.669, 76_952, 95_136, 0.0744, 0.53, 0.673),
    (10_000, 10, 46.8, 0.428, 44_548, 46_762, 0.0314, 0.28, 0.447),
    (10_000, 10, 195.4, 0.962, 111_326, 195_123, 0.095, 0.72, 0.974),
    (16_000, 16, 156.1, 0.969, 105_301, 155_314, 0.1204, 0.62, 0.972),
    (500, 1, 196.0, 0.389, 77_342, 97_990, 0.0064, 0.42, 0.397),
    (500, 1, 996.3, 0.734, 133_873, 498_146, 0.0098, 0.86, 0.859),
    (10_000, 100, 393.7, 0.45, 39_157, 39_368, 0.0065, 0.36, 0.469),
    (10_000, 100, 1993.4, 0.837, 97_279, 198_985, 0.1674, 0.84, 0.96),
    (1_000, 100, 489.9, 0.094, 4_895, 4_899, 0.0027, 0.18, 0.084),
    (1_000, 100, 3017.9, 0.332, 29_807, 30_179, 0.0063, 0.67, 0.409),
    (5_000, 1_000, 1993.7, 0.194, 9_964, 9_969, 0.0024, 0.43, 0.173),
    (10_000, 1, 1474.5, 0.866, 8_715, 11_541_032, 2.1873, 0.92, 0.976),
    (18_000, 1, 991.3, 0.853, 27_702, 15_343_385, 1.5063, 0.91, 0.967),
    (1_000, 1, 46.9, 0.239, 39_618, 46_860, 0.0131, 0.22, 0.248),
    (10_000, 1, 196.1, 0.88, 121_168, 1_947_882, 0.148, 0.73, 0.926),
    (10_000, 1, 794.3, 0.886, 73_145, 7_878_807, 0.2477, 0.85, 0.96),
    (10_000, 1, 993.1, 0.841, 86_214, 9_842_793, 0.1633, 0.88, 0.968),
    (10_000, 1, 1195.1, 0.877, 82_921, 11_881_464, 0.1581, 0.9, 0.976),
    (10_000, 1, 1349.7, 0.869, 62_333, 13_372_671, 0.2196, 0.9, 0.969),
    (18_000, 1, 294.6, 0.973, 110_516, 5_229_087, 0.1853, 0.78, 0.982),
    (18_000, 1, 595.6, 0.943, 68_404, 9_944_262, 0.6272, 0.78, 0.966),
    (18_000, 1, 747.0, 0.948, 53_583, 11_971_115, 0.8909, 0.82, 0.977),
    (5_000, 1, 1502.1, 0.836, 89_236, 7_463_638, 0.1334, 0.93, 0.959),
    (5_000, 1, 2499.9, 0.77, 16_351, 11_333_988, 0.8438, 1.01, 0.98),
    (5_000, 50, 489.7, 0.53, 48_399, 48_974, 0.0095, 0.43, 0.544),
    (2_000, 200, 995.1, 0.167, 9_939, 9_951, 0.0025, 0.3, 0.165),
    (1_000, 1, 8.8, 0.062, 8_308, 8_774, 0.0135, 0.04, 0.083),
    (500, 1, 20.5, 0.076, 9_829, 10_269, 0.0087, 0.07, 0.081),
]

private let measurements = measured.map {
    FanoutMeasurement(
        viewers: $0.0, channels: $0.1, rate: $0.2, cores: $0.3, writesPerSecond: $0.4, deliveriesPerSecond: $0.5,
        p99: $0.6, machineLoad: $0.7, busy: $0.8, idle: 0.006)
}

/// Round numbers: 5 µs a write, 10 µs when all of the socket is cold, 0.05 µs an event.
func makeFanoutCosts() -> FanoutCosts {
    var costs = FanoutCosts()
    (costs.idle, costs.wake, costs.write, costs.event) = (0.01, 100e-6, 5e-6, 0.05e-6)
    (costs.base, costs.passes) = (0.002, 1)
    return costs
}

@Suite struct FanoutModelTests {
    private func predict(
        _ viewers: Double, _ rate: Double, channels: Double = 1, _ costs: FanoutCosts = makeFanoutCosts(),
        loops: Int = 1
    ) -> FanoutModel.Prediction {
        FanoutModel(costs, loops: loops).predict(
            [FanoutChannels(count: channels, viewers: viewers / channels, rate: rate / channels)], connections: viewers)
    }

    @Test func fewCommentsAreAWriteEach() {
        let prediction = predict(1_000, 0.1)
        #expect(abs(prediction.writesPerSecond / prediction.deliveriesPerSecond - 1) < 0.001)
        // A pass: 1,000 × 5.05 µs.
        #expect(abs(prediction.pass - 0.00505) < 1e-5)
        #expect(abs(prediction.p99 - (0.002 + 0.99 * 0.00505)) < 1e-4)
        // 0.01 idle, 100 wake-ups of 100 µs for 1,000 s, 0.1 × 1,000 × 5.05 µs
        #expect(abs(prediction.cores - (0.01 + 0.1 * 100e-6 + 0.000505)) < 1e-5)
    }

    @Test func manyCommentsAreOnePassAfterTheOther() {
        let prediction = predict(10_000, 500)
        // T = 10,000 × (5 µs + 500 T × 0.05 µs)
        let pass = 0.05 / (1 - 500 * 10_000 * 0.05e-6)
        #expect(abs(prediction.pass / pass - 1) < 0.001)
        #expect(abs(prediction.writesPerSecond * pass / 10_000 - 1) < 0.001)
        #expect(prediction.busy > 0.999)
        #expect(prediction.cores == 1)
    }

    /// The old model: a cost for every delivery. It wanted 25 Readers for this, which one does.
    @Test func aReaderDoesNotPayForEachDelivery() {
        #expect(predict(10_000, 200).pass.isFinite)
        #expect(predict(10_000, 1_000).writesPerSecond < 0.03 * predict(10_000, 1_000).deliveriesPerSecond)
    }

    @Test func bytesAloneCanFillALoop() {
        let most = 1 / (10_000 * 0.05e-6)
        #expect(predict(10_000, most * 0.99).pass.isFinite)
        let over = predict(10_000, most * 1.01)
        #expect(!over.pass.isFinite)
        #expect(over.p99 == .infinity)
        #expect(over.cores == 1)
    }

    /// Measured: 10,000 viewers got 1,350 comments/s within 0.2 s, and 1,500 within 2.2 s.
    @Test func aWriteOfMoreThanABufferEndsIt() {
        var costs = makeFanoutCosts()
        costs.eventBytes = 176
        // Events of a write: λT = λ · 0.05 s / (1 - λ · 0.0005 s), at most 372.
        let most = 372.36 / (0.05 + 372.36 * 0.0005)
        #expect(predict(10_000, most * 0.99, costs).pass.isFinite)
        #expect(!predict(10_000, most * 1.01, costs).pass.isFinite)
        #expect(predict(10_000, most * 1.01).pass.isFinite)
    }

    @Test(arguments: [10.0, 1_000, 20_000], [1.0, 20, 400])
    func moreOfAnythingIsNeverLess(viewers: Double, rate: Double) {
        let (one, rated, larger) = (predict(viewers, rate), predict(viewers, rate * 1.5), predict(viewers * 1.5, rate))
        for more in [rated, larger] {
            #expect(more.p99 >= one.p99 * 0.999)
            #expect(more.cores >= one.cores * 0.999)
        }
        #expect(one.writesPerSecond <= one.deliveriesPerSecond * 1.001)
        let divided = predict(viewers, rate, loops: 2)
        #expect(divided.p99 <= one.p99 * 1.001)
    }

    @Test func aSmallChannelWaitsForSlicesOfALargeOneAndNotForItsPass() {
        let large = FanoutChannels(count: 1, viewers: 10_000, rate: 100)
        let small = FanoutChannels(count: 1, viewers: 10, rate: 0.5)
        let model = FanoutModel(makeFanoutCosts())
        let alone = model.predict([large], connections: 10_010)
        // Nearly all deliveries are of the large one.
        #expect(abs(model.predict([large, small], connections: 10_010).p99 / alone.p99 - 1) < 0.02)
        // With many small ones instead: each waits for one slice of the large one, 128 writes.
        let silent = FanoutChannels(count: 1, viewers: 10_000, rate: 0)
        #expect(model.predict([silent, small], connections: 10_010).pass < 0.0001)
    }

    @Test func kindsOfChannelsAreTheSumOfTheirChannels() {
        let model = FanoutModel(makeFanoutCosts())
        let one = FanoutChannels(count: 1, viewers: 500, rate: 3)
        let together = model.predict([FanoutChannels(count: 30, viewers: 500, rate: 3)], connections: 15_000)
        let apart = model.predict(Array(repeating: one, count: 30), connections: 15_000)
        #expect(abs(together.p99 / apart.p99 - 1) < 1e-6)
        #expect(abs(together.cores / apart.cores - 1) < 1e-6)
    }

    @Test func slowerPassesNeedLessThanTheLoopWouldTake() {
        let model = FanoutModel(makeFanoutCosts())
        let load = [FanoutChannels(count: 1, viewers: 10_000, rate: 200)]
        let taken = model.predict(load, connections: 10_000).cores
        let needed = model.coresNeeded(load, connections: 10_000, pass: 0.35)
        // 10,000 / 0.35 s × 5 µs, 2,000,000 × 0.05 µs, 181 wake-ups × 100 µs, 0.01
        #expect(abs(needed - (0.1429 + 0.1 + 0.0181 + 0.01)) < 0.001)
        #expect(needed < taken / 3)
    }

    @Test func nothingToDoCostsNothing() {
        let prediction = FanoutModel(makeFanoutCosts()).predict([], connections: 0)
        #expect(prediction.cores == 0.01)
        #expect(prediction.p99 == 0.002)
        #expect(prediction.pass.isFinite)
    }
}

@Suite struct FanoutFitTests {
    private func random(_ index: Int, _ salt: Double) -> Double { 1 + 0.02 * sin(Double(index) * 12.9898 + salt) }

    /// Costs that are known, found again in what the model makes of them with some noise.
    @Test func knownCostsAreFoundAgain() throws {
        var costs = makeFanoutCosts()
        (costs.miss, costs.cached, costs.apart, costs.rested, costs.pause) = (4e-6, 2_000, 2e-6, 3e-6, 0.5)
        (costs.base, costs.passes) = (0.002, 1.4)
        let made = measurements.enumerated().map { index, one -> FanoutMeasurement in
            var one = one
            let prediction = FanoutResidual(one, costs).predicted
            one.cores = prediction.cores * random(index, 1)
            one.writesPerSecond = prediction.writesPerSecond * random(index, 2)
            one.deliveriesPerSecond = prediction.deliveriesPerSecond
            one.busy = prediction.busy
            one.p99 = prediction.p99 * random(index, 3)
            one.idle = costs.idle
            one.machineLoad = prediction.busy < 1 ? 0.5 : 0.9
            return one
        }.filter { $0.p99.isFinite }
        let found = try #require(FanoutFit.costs(made))
        for one in made where one.machineLoad < FanoutFit.machineLoadMax {
            let (cores, p99) = (FanoutResidual(one, found).cores, FanoutResidual(one, found).p99)
            #expect(abs(cores) < 0.08, "\(one.viewers) × \(one.channels) at \(one.rate)")
            #expect(abs(p99) < 0.25, "\(one.viewers) × \(one.channels) at \(one.rate)")
        }
        #expect(abs(found.wake / costs.wake - 1) < 0.1)
        #expect(abs(found.passes / costs.passes - 1) < 0.1)
    }

    /// Of a real machine, single runs with other work beside some of them: processor time within 15%, p99 within 30% of most.
    @Test func whatWasMeasuredIsFitted() throws {
        let costs = try #require(FanoutFit.costs(measurements))
        let usable = measurements.filter { $0.machineLoad <= FanoutFit.machineLoadMax }
        let residuals = usable.map { FanoutResidual($0, costs) }
        #expect(residuals.count { abs($0.cores) < 0.15 } >= residuals.count * 9 / 10)
        #expect(residuals.count { abs($0.p99) < 0.3 } >= residuals.count * 3 / 5)
        #expect((2e-6...20e-6).contains(costs.write + costs.miss))
        #expect((1...2).contains(costs.passes))
    }

    @Test func aFullMachineSaysNothing() {
        let full = measurements.map { one in
            var one = one
            one.machineLoad = 0.95
            return one
        }
        #expect(FanoutFit.costs(full) == nil)
        #expect(FanoutFit.costs(Array(measurements.prefix(5))) == nil)
    }
}
