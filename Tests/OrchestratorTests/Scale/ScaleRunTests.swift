import Audience
import Foundation
import Placement
import Subprocess
import SystemPackage
import Testing

@testable import Orchestrator

@Suite(.timeLimit(.minutes(2)), .serialized)
struct ScaleRunTests {
    /// The command itself on a small audience: real Redis, real Reader processes.
    @Test func everySubscriptionAndDeliveryIsAsTheModelSays() async throws {
        try await withFolder { folder in
            let result = try await Subprocess.run(
                .path(FilePath(launcher)),
                arguments: [
                    "scale", "--streams", "300", "--viewers", "6000", "--readers", "3", "--rate", "200", "--duration",
                    "1", "--burst", "1", "--out", "\(folder)/report",
                ],
                output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
            #expect(result.terminationStatus == .exited(0), "\(result.standardError)")
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/report/report.json"))
            let report = try JSONDecoder().decode(ScaleReport.self, from: data)
            #expect(report.cases.map(\.placement) == [.random, .overflow])
            for one in report.cases {
                #expect(one.faults.isEmpty)
                #expect(one.deliveries > 10_000)
                #expect(one.subscribing.subscriptions == Int(one.model.subscriptions))
                #expect(one.perReader.reduce(0) { $0 + $1.viewers } == 6_000)
                #expect((one.burst?.publishes ?? 0) > 1_000)
                #expect(one.burst?.bytes == one.burst?.bytesExpected)
            }
            #expect(report.cases[0].amplification > 2)
            #expect(report.cases[1].amplification < 1.1)
            #expect(report.cases[1].viewersMaxOverMean <= 1.25)
            for file in ["report.md", "report.csv", "report.html"] {
                #expect(text(of: "\(folder)/report/\(file)").contains("overflow"))
            }
        }
    }

    @Test func badArgumentsAreSaidTogether() async throws {
        let result = try await Subprocess.run(
            .path(FilePath(launcher)), arguments: ["scale", "--viewers", "0", "--audience", "crowd", "--burst", "0"],
            output: .discarded, error: .string(limit: 1 << 16))
        #expect(result.terminationStatus == .exited(64))
        for name in ["--viewers 0", "--audience crowd", "--burst 0"] { #expect(result.standardError.contains(name)) }
    }

    func makeReport(burst: [Double]) -> ScaleReport {
        var report = ScaleReport(
            settings: ScaleSettings(), command: "c", software: Software(commit: nil, build: "debug", redis: nil),
            machine: .current(), startedAt: "")
        let outcome = SpreadOutcome(
            readers: 14, channels: 10, subscriptions: 20, weightedSubscriptions: 2, rate: 1, loadMaxOverMean: 1)
        for (placement, rate) in zip(report.settings.placements, burst) {
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
        #expect(report.cases.map { report.gainPerCPU($0) } == [1, 2.5])
    }

    @Test func whatIsMissingDecidesAboutTheExitCode() {
        var report = makeReport(burst: [100, 250])
        report.finish(nil)
        #expect(report.verdict.status == .fine)
        report.cases[1].burst?.bytesExpected = 7
        report.cases[0].perReader = [.init(name: "reader-1", subscriptionsExpected: 3, viewersExpected: 0)]
        report.finish(nil)
        #expect(report.verdict.status == .auditFailed)
        #expect(
            report.verdict.reason
                == "random, 14 Readers: 0 subscriptions of reader-1, and 3 were to be expected;"
                + " overflow, 14 Readers: 0 bytes to subscribers in the burst, and 7 were to be expected")
        report.finish(.interrupted)
        #expect(report.verdict.status == .interrupted)
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
