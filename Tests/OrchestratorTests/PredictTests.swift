import ArgumentParser
import Audience
import Foundation
import Options
import Placement
import Report
import Testbed
import Testing

@testable import Orchestrator

struct PredictTests {
    @Test(arguments: [
        ("5", [5]), ("3,5,10", [3, 5, 10]), ("3..6", [3, 4, 5, 6]), ("10,1..3,2", [1, 2, 3, 10]), ("1000", [1_000]),
    ])
    func numbersOfReadersAreRead(text: String, numbers: [Int]) throws {
        #expect(try PredictSettings.parse(["--readers", text]).valid().readers == numbers)
    }

    @Test(arguments: ["", "0", "5..3", "1001", "a", "3..", "..3", "1,,2", "-1", "1...3"])
    func anythingElseIsRefused(text: String) {
        #expect(throws: Failure.self) { try PredictSettings.parse(["--readers", text]).valid() }
    }

    @Test func everyProblemIsSaidAtOnce() throws {
        let arguments = try PredictSettings.parse([
            "--streams", "0", "--viewers", "x", "--readers", "5..3", "--audience", "zipf", "--placement", "random,best",
            "--seed", "-1",
        ])
        #expect(problems { try arguments.valid() }.count == 6)
    }

    @Test func theCommandRepeatsItself() throws {
        let settings = try PredictSettings.parse(["--streams", "100", "--viewers", "1000", "--readers", "3..5,9"])
            .valid()
        #expect(
            settings.commandLine("predict")
                == "Orchestrator predict --streams 100 --viewers 1000 --readers 3,4,5,9")
    }

    func makeReport() throws -> Report {
        let settings = try PredictSettings.parse(["--streams", "100", "--viewers", "2500", "--readers", "2..4"])
            .valid()
        let audience = try Audience(settings.audience, channels: 100, viewers: 2_500, seed: 1)
        let table = ScalingTable(audience, readers: settings.readers, strategies: settings.placement)
        return Prediction(settings: settings, table: table).report(makeBase("predict"))
    }

    @Test func theReportHoldsEveryNumberOfReadersAndPlacement() throws {
        let report = try makeReport()
        #expect(report.metrics.filter { $0.name == "spread" }.count == 3 * 3)
        #expect(report.charts.count == 5)
        #expect(report.charts[0].series.map(\.name) == ["random", "rendezvous", "overflow"])
        #expect(report.charts[0].series[1].points.map { $0.y.rounded() } == [50, 33, 25])
        #expect(report.markdown().contains("| random, 4 Readers |"))
        #expect(report.summary.contains("With 2 Readers placed at random"))
        #expect(try Comparison(old: report, new: report, tolerance: 0).passed)
    }
}
