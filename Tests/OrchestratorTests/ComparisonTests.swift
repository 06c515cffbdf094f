import Foundation
import Testing

@testable import Orchestrator

struct ComparisonTests {
    let metric = Comparison.Metric(name: "m", unit: "ms", floor: 1)
    let strict = Comparison.Metric(name: "lost", unit: "", floor: 0, isStrict: true)

    @Test(arguments: [
        (10.0, 10.0, Comparison.Change.same), (10, 10.9, .same), (100, 110, .same), (100, 110.5, .worse),
        (100, 89, .better),
        (0, 0.9, .same), (0, 1.1, .worse), (5, 5.9, .same),
    ])
    func aChangeCountsAboveToleranceAndNoise(old: Double, new: Double, change: Comparison.Change) {
        #expect(Comparison.change(from: old, to: new, metric, tolerance: 0.1) == change)
    }

    @Test func oneMoreLossIsWorseWhateverTheTolerance() {
        #expect(Comparison.change(from: 100, to: 101, strict, tolerance: 10) == .worse)
        #expect(Comparison.change(from: 1, to: 0, strict, tolerance: 10) == .better)
    }

    @Test func aRunIsLikeItself() {
        let comparison = Comparison(old: makeReport(), new: makeReport(), tolerance: 0)
        #expect(comparison.regressions.isEmpty)
        #expect(comparison.notes.isEmpty)
        #expect(comparison.rows.count == 13)
        #expect(comparison.conclusion == "Nothing became worse by more than the tolerance.")
    }

    @Test func slowerAndLostAreFound() {
        var worse = makeReport()
        worse.swarm = makeSwarm(lost: 1, latencyMicroseconds: 20_000)
        let names = Comparison(old: makeReport(), new: worse, tolerance: 0.1).regressions.map(\.metric.name)
        #expect(names == ["lost", "latency p50", "latency p99"])
    }

    @Test func otherParametersAreNoted() {
        var other = makeReport()
        other.command = "Orchestrator run --readers 3"
        other.software.build = "release"
        other.verdict = RunReport.Verdict(status: .interrupted, reason: "interrupted")
        let notes = Comparison(old: makeReport(), new: other, tolerance: 0.1).notes
        #expect(notes.count == 3)
        #expect(notes[1] == "the build differs: debug and release")
    }

    @Test func whatARunDidNotReachIsLeftOut() {
        var short = makeReport()
        short.swarm = nil
        short.spread = nil
        let names = Comparison(old: makeReport(), new: short, tolerance: 0.1).rows.map(\.metric.name)
        #expect(!names.contains("latency p99"))
        #expect(names.contains("Readers' memory"))
    }

    @Test func ofSomeNumbersMoreIsBetter() {
        let gain = Comparison.Metric(name: "rate", unit: "", floor: 1, isGain: true)
        #expect(Comparison.change(from: 100, to: 80, gain, tolerance: 0.1) == .worse)
        #expect(Comparison.change(from: 100, to: 120, gain, tolerance: 0.1) == .better)
        #expect(Comparison.change(from: 100, to: 95, gain, tolerance: 0.1) == .same)
    }

    @Test func everyKindOfReportIsReadAndComparedWithItself() async throws {
        let sweep = SweepReportTests()
        let scale = ScaleRunTests().makeReport(burst: [100, 250])
        let reports: [(any ComparableReport & Codable)] = [
            makeReport(), try sweep.makeSweep(), scale, makeCalibration(), try PredictTests().makeReport(),
        ]
        try await withFolder { folder in
            for report in reports {
                let path = "\(folder)/report.json"
                try ReportFiles.write(ReportFiles.json(report), to: path)
                let read = try ReportFiles.readComparable(path)
                #expect(type(of: read).kind == type(of: report).kind)
                let comparison = Comparison(old: read, new: report, tolerance: 0)
                #expect(!comparison.rows.isEmpty)
                #expect(comparison.regressions.isEmpty)
            }
            #expect(throws: Failure.self) { try ReportFiles.read("\(folder)/report.json") }
            try "{\"kind\":\"drill\",\"schema\":1}".write(
                toFile: "\(folder)/report.json", atomically: true, encoding: .utf8)
            #expect(throws: Failure.self) { try ReportFiles.readComparable("\(folder)/report.json") }
        }
    }

    @Test func redisThatTakesLessIsFound() {
        let (old, new) = (
            ScaleRunTests().makeReport(burst: [100_000, 250_000]),
            ScaleRunTests().makeReport(burst: [100_000, 150_000])
        )
        let names = Comparison(old: old, new: new, tolerance: 0.1).regressions.map(\.metric.name)
        #expect(names.contains("overflow, 14 Readers: comments a second that Redis takes"))
        #expect(!names.contains { $0.hasPrefix("random") })
    }
}
