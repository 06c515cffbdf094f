import Audience
import Foundation
import Options
import Placement
import Report
import TestSupport
import Testbed
import Testing

@testable import Orchestrator

@Suite(.timeLimit(.minutes(2)), .serialized)
struct ScaleRunTests {
    /// The command itself on a small audience: real Redis, real Reader processes.
    @Test func everySubscriptionAndDeliveryIsAsTheModelSays() async throws {
        try await withTemporaryFolder { folder in
            let result = try await launch([
                "scale", "--streams", "300", "--viewers", "6000", "--readers", "3", "--rate", "200", "--duration", "1",
                "--burst", "1", "--arrival", "4", "--sockets", "100", "--out", "\(folder)/report",
            ])
            #expect(result.code == 0, "\(result.log)")
            let report = try Report.read("\(folder)/report/latest")
            let (random, overflow) = ("random, 3 Readers", "overflow, 3 Readers")
            #expect(report.verdict.checks.map(\.name) == ["completed", random, overflow])
            func value(_ name: String, _ scope: String) -> Double { report.value(name, scope: scope) ?? -1 }
            for one in [random, overflow] {
                #expect(value("faults", one) == 0 && value("bytes missing", one) == 0)
                #expect(value("deliveries to viewers", one) > 10_000)
                #expect(value("subscriptions of the simulated placement", one) > 0)
                #expect(value("publish to a viewer's turn, 99%", one) > 0)
                #expect((1...3).reduce(0) { $0 + value("viewers", "\(one), reader-\($1)") } == 6_000)
                #expect(value("comments a second", one) > 1_000)
            }
            #expect(value("amplification", random) > 2)
            #expect(value("amplification", overflow) < 1.3)
            #expect(value("viewers sent to another Reader", random) == 0)
            // Two of three asked a Reader that is not theirs.
            #expect((3_000...6_000).contains(value("viewers sent to another Reader", overflow)))
            #expect(report.samples.count == 2 && report.samples.allSatisfy { $0.rows.count > 3 })
            #expect(value("fullest Reader, times the mean", overflow) <= 1.25)
            for file in ["report.md", "report.csv", "report.html", "metrics.txt", "junit.xml"] {
                #expect(text(of: "\(folder)/report/latest/\(file)").contains("overflow"))
            }
        }
    }

    @Test func badArgumentsAreSaidTogether() async throws {
        let result = try await launch(["scale", "--viewers", "0", "--audience", "crowd", "--burst", "0"])
        #expect(result.code == 64)
        for name in ["--viewers 0", "--audience crowd", "--burst 0"] { #expect(result.log.contains(name)) }
    }

    func makeReport(burst: [Double]) -> ScaleResult {
        var report = ScaleResult(settings: .standard, audience: makeAudience(), base: makeBase("scale"))
        let outcome = SpreadOutcome(
            readers: 14, channels: 10, subscriptions: 20, weightedSubscriptions: 2, rate: 1, loadMaxOverMean: 1)
        for (placement, rate) in zip(report.settings.placement, burst) {
            var one = ScaleCase(placement: placement, readers: 14, formula: nil, model: outcome)
            one.burst = ScaleCase.Burst(
                publishes: Int(rate), seconds: 1, redisDeliveries: 5, redisDeliveriesExpected: 5, redisCPUSeconds: 0.9)
            report.cases.append(one)
        }
        return report
    }

    @Test func theGainIsAgainstTheFirstPlacementOnAsManyReaders() {
        let report = makeReport(burst: [100, 250])
        #expect(report.cases.map { report.gain($0) } == [1, 2.5])
        #expect(report.cases.map { report.gain($0, \.perCPUSecond) } == [1, 2.5])
    }

    @Test func whatIsMissingDecidesAboutTheExitCode() {
        var result = makeReport(burst: [100, 250])
        #expect(result.report(nil).verdict.status == .fine)
        result.cases[1].burst?.bytesExpected = 7
        result.cases[0].perReader = [.init(name: "reader-1", subscriptionsExpected: 3)]
        let verdict = result.report(nil).verdict
        #expect(verdict.status == .auditFailed)
        #expect(
            verdict.reason
                == "random, 14 Readers: 0 subscriptions of reader-1, and 3 were to be expected;"
                + " overflow, 14 Readers: 0 bytes to subscribers in the burst, and 7 were to be expected")
        #expect(result.report(.interrupted).verdict.status == .interrupted)
    }

    @Test func aReaderThatIsTooFullIsAFault() {
        var result = makeReport(burst: [100, 250])
        for index in 0..<2 {
            result.cases[index].perReader = [
                .init(name: "reader-1", viewers: 160, viewersExpected: 160),
                .init(name: "reader-2", viewers: 90, viewersExpected: 90),
            ]
        }
        let checks = result.report(nil).verdict.checks
        #expect(checks.map(\.passed) == [true, true, false])
        #expect(result.cases[1].faults.first?.contains("1.280 times the mean") == true)
    }

    @Test func redisThatTakesLessIsFoundByAComparison() throws {
        let (old, new) = (
            makeReport(burst: [100_000, 250_000]).report(nil), makeReport(burst: [100_000, 150_000]).report(nil)
        )
        let names = try Comparison(old: old, new: new, tolerance: 0.1).regressions.map(\.metric.label)
        #expect(names.contains("overflow, 14 Readers: comments a second"))
        #expect(!names.contains { $0.hasPrefix("random") })
        #expect(try Comparison(old: old, new: old, tolerance: 0).passed)
    }

    @Test func theLimitIsNamed() {
        var burst = ScaleCase.Burst(publishes: 10, seconds: 1, redisCPUSeconds: 0.95)
        #expect(burst.limit.hasPrefix("Redis:"))
        burst.redisCPUSeconds = 0.5
        #expect(burst.limit.hasPrefix("the machine:"))
        burst.waits = 3
        #expect(burst.limit.hasPrefix("the subscribers:"))
    }
}
