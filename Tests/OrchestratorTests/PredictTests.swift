import Audience
import Foundation
import Placement
import Testing

@testable import Orchestrator

struct PredictTests {
    @Test(arguments: [
        ("5", [5]), ("3,5,10", [3, 5, 10]), ("3..6", [3, 4, 5, 6]), ("10,1..3,2", [1, 2, 3, 10]), ("1000", [1_000]),
    ])
    func numbersOfReadersAreRead(text: String, numbers: [Int]) throws {
        #expect(try ReaderRange.parse(text).numbers == numbers)
    }

    @Test(arguments: ["", "0", "5..3", "1001", "a", "3..", "..3", "1,,2", "-1", "1...3"])
    func anythingElseIsRefused(text: String) {
        #expect(throws: InvalidParameter.self) { try ReaderRange.parse(text) }
    }

    @Test func everyProblemIsSaidAtOnce() {
        let arguments = PredictArguments(
            streams: "0", viewers: "x", readers: "5..3", audience: "zipf", placement: "random,best", seed: "-1")
        #expect {
            try arguments.settings()
        } throws: { error in
            guard case .arguments(let problems)? = error as? Failure else { return false }
            return problems.count == 6
        }
    }

    @Test func theCommandRepeatsItself() throws {
        let settings = try PredictArguments(streams: "100", viewers: "1000", readers: "3..5,9").settings()
        #expect(
            settings.commandLine
                == "Orchestrator predict --streams 100 --viewers 1000 --readers 3,4,5,9 --audience zipf:1.0"
                + " --placement random,rendezvous,overflow --seed 1")
    }

    func makeReport() throws -> PredictReport {
        let settings = try PredictArguments(streams: "100", viewers: "2500", readers: "2..4").settings()
        let audience = try Audience(settings.audience, channels: 100, viewers: 2_500, seed: 1)
        return PredictReport(
            settings: settings, command: settings.commandLine,
            software: Software(commit: nil, build: "debug", redis: nil),
            startedAt: "", table: ScalingTable(audience, readers: settings.readers, strategies: settings.placements))
    }

    @Test func theReportHoldsEveryNumberOfReadersAndPlacement() async throws {
        let report = try makeReport()
        #expect(report.csv().split(separator: "\n").count == 1 + 3 * 3)
        #expect(report.page().charts.count == 5)
        #expect(report.page().charts[0].series.map(\.name) == ["random", "rendezvous", "overflow"])
        #expect(report.page().charts[0].series[1].points.map { $0.y.rounded() } == [50, 33, 25])
        #expect(report.markdown().contains("| 4 | random |"))
        #expect(report.conclusion.contains("With 2 Readers placed at random"))
        try await withFolder { folder in
            try ReportFiles.write(report, to: folder)
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/report.json"))
            #expect(try JSONDecoder().decode(PredictReport.self, from: data) == report)
        }
    }
}
