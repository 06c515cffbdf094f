import Audience
import Foundation
import Placement
import Testing

@testable import Orchestrator

/// Testing has an `ExitStatus` of its own.
typealias RunStatus = Failure.Status

struct SweepArgumentsTests {
    @Test func theGridIsTheProductWithPlacementsNextToEachOther() throws {
        let settings = try SweepArguments(
            streams: "100,10", viewers: "250", readers: "3,5", placement: "random,overflow"
        ).settings()
        #expect(settings.cells.count == 8)
        #expect(settings.cells[0] == SweepCell(streams: 10, viewers: 250, readers: 3, placement: .random))
        #expect(settings.cells[1] == SweepCell(streams: 10, viewers: 250, readers: 3, placement: .overflow))
        #expect(settings.cells[7] == SweepCell(streams: 100, viewers: 250, readers: 5, placement: .overflow))
        #expect(Set(settings.cells.map(\.id)).count == 8)
        #expect(
            settings.commandLine
                == "Orchestrator sweep --streams 10,100 --viewers 250 --readers 3,5 --placement random,overflow"
                + " --audience reference --rate 50 --duration 5 --seed 1")
    }

    @Test func aCellsRunIsTheSameAudienceUnderEveryPlacement() throws {
        var settings = SweepSettings()
        settings.seed = 9
        settings.rate = 20
        let runs = settings.cells.prefix(2).map(settings.run)
        #expect(runs.map(\.placement) == [.random, .overflow])
        var second = runs[1]
        second.placement = .random
        #expect(second == runs[0])
        #expect(runs[0].seed == 9 && runs[0].rate == 20)
    }

    @Test(arguments: [("10", [10]), ("100,10,10", [10, 100]), ("1,1000000", [1, 1_000_000])])
    func numbersAreRead(text: String, numbers: [Int]) throws {
        #expect(try NumberList.parse(text, in: 1...1_000_000).numbers == numbers)
    }

    @Test(arguments: ["", "0", "10,", "a", "1,,2", "1000001", "1..5", "-1"])
    func anythingElseIsRefused(text: String) {
        #expect(throws: InvalidParameter.self) { try NumberList.parse(text, in: 1...1_000_000) }
    }

    @Test func everyProblemIsSaidAtOnce() {
        let arguments = SweepArguments(
            streams: "0", viewers: "x", readers: "200", audience: "crowd", placement: "best", seed: "-1", rate: "0",
            duration: "x")
        #expect {
            try arguments.settings()
        } throws: { error in
            guard case .arguments(let problems)? = error as? Failure else { return false }
            let names = problems.map { $0.prefix { $0 != " " } }
            return names == [
                "--streams", "--viewers", "--readers", "--audience", "--placement", "--seed", "--rate", "--duration",
            ]
        }
        #expect(arguments.typed.count == 8)
        #expect(SweepArguments().typed.isEmpty)
    }

    @Test func tooLargeAGridIsRefused() {
        #expect(throws: Failure.self) { try SweepArguments(readers: "1..100").settings() }
        #expect(throws: Never.self) { try SweepArguments(readers: "1..80").settings() }
    }
}

struct SweepLimitsTests {
    let limits = SweepLimits(descriptors: DescriptorLimits(perProcess: 20_000), memoryBytes: 4 << 30)

    func reason(_ viewers: Int, _ readers: Int) -> String? {
        let cell = SweepCell(streams: 10, viewers: viewers, readers: readers, placement: .random)
        return limits.reason(against: SweepSettings().run(cell))
    }

    @Test func whatFitsIsNotLeftOut() {
        #expect(reason(2_500, 10) == nil)
        #expect(reason(17_000, 1) == nil)
    }

    @Test func theReasonNamesTheLimit() throws {
        #expect(try #require(reason(40_000, 2)).contains("a Reader holds 18000 connections"))
        #expect(try #require(reason(250_000, 60)).contains("of memory"))
    }
}

struct SweepBookTests {
    let cell = SweepCell(streams: 100, viewers: 2_500, readers: 5, placement: .random)

    func finishedReport(_ settings: SweepSettings, _ status: RunStatus = .fine) -> RunReport {
        var report = makeReport()
        report.settings = settings.run(cell)
        report.verdict = RunReport.Verdict(status: status, reason: "")
        return report
    }

    @Test func aFinishedCellIsFoundAgain() async throws {
        try await withFolder { folder in
            let settings = SweepSettings()
            let book = try SweepBook(new: settings, folder: folder)
            #expect(book.finished(cell) == nil)
            _ = try Folders.makeReport(book.folder(of: cell))
            try book.keep(finishedReport(settings), of: cell)
            let again = try SweepBook(resuming: folder)
            #expect(again.settings == settings)
            #expect(again.finished(cell) != nil)
            #expect(again.settings.cells.filter { again.finished($0) == nil }.count == settings.cells.count - 1)
        }
    }

    @Test(arguments: [
        (RunStatus.fine, true), (.auditFailed, true), (.interrupted, false), (.processDied, false),
        (.unavailable, false),
    ])
    func onlyARunThatCameToItsEndCounts(status: RunStatus, counts: Bool) async throws {
        try await withFolder { folder in
            let book = try SweepBook(new: SweepSettings(), folder: folder)
            _ = try Folders.makeReport(book.folder(of: cell))
            try book.keep(finishedReport(book.settings, status), of: cell)
            #expect((book.finished(cell) != nil) == counts)
        }
    }

    @Test func aReportOfOtherParametersDoesNotCount() async throws {
        try await withFolder { folder in
            let book = try SweepBook(new: SweepSettings(), folder: folder)
            _ = try Folders.makeReport(book.folder(of: cell))
            var report = finishedReport(book.settings)
            report.settings.rate += 1
            try book.keep(report, of: cell)
            #expect(book.finished(cell) == nil)
        }
    }

    @Test func aSecondSweepDoesNotOverwriteTheFirst() async throws {
        try await withFolder { folder in
            _ = try SweepBook(new: SweepSettings(), folder: folder)
            #expect(throws: Failure.self) { try SweepBook(new: SweepSettings(), folder: folder) }
        }
    }

    @Test func whereThereIsNoSweepNothingCanGoOn() async throws {
        try await withFolder { folder in
            #expect(throws: Failure.self) { try SweepBook(resuming: folder) }
            try "{}".write(toFile: "\(folder)/sweep.json", atomically: true, encoding: .utf8)
            #expect(throws: Failure.self) { try SweepBook(resuming: folder) }
        }
    }
}

struct SweepReportTests {
    func makeSweep() throws -> SweepReport {
        var report = SweepReport(
            settings: SweepSettings(), command: "c", software: Software(commit: nil, build: "debug", redis: nil),
            machine: .current(), limits: "", startedAt: "")
        report.take(makeReport(), of: SweepCell(streams: 100, viewers: 2_500, readers: 5, placement: .random))
        return report
    }

    @Test func residualsAreMeasuredLessPredicted() throws {
        let run = makeReport()
        let result = try #require(
            SweepResult(SweepCell(streams: 100, viewers: 2_500, readers: 5, placement: .random), run))
        let spread = try #require(run.spread)
        let predicted = try #require(spread.predicted)
        #expect(abs(result.spreadResidualPoints - (spread.meanShare - predicted.share) * 100) < 1e-9)
        #expect(abs((1 + result.amplificationResidual) * predicted.amplification - spread.amplification) < 1e-9)
        #expect(result.delivered == run.swarm?.delivery.delivered)
    }

    @Test func aRunWithoutMeasurementIsListedWithItsReason() throws {
        var (report, run) = (try makeSweep(), makeReport())
        run.spread = nil
        run.verdict = RunReport.Verdict(status: .processDied, reason: "reader-1 died")
        report.take(run, of: SweepCell(streams: 10, viewers: 250, readers: 3, placement: .overflow))
        #expect(report.cells.count == 1)
        #expect(report.missing.map(\.reason) == ["reader-1 died"])
        #expect(report.markdown().contains("reader-1 died"))
    }

    @Test func everyFileNamesTheCell() throws {
        let report = try makeSweep()
        #expect(report.csv().split(separator: "\n").count == 2)
        #expect(report.markdown().contains("| 100 | 2,500 | 5 | random |"))
        #expect(report.page().charts.first?.title.hasSuffix("100 streams, 2,500 viewers") == true)
        #expect(report.page().charts.last?.series.first?.points.count == 1)
    }

    @Test func theAudienceNearestToTheReferenceIsShown() throws {
        let shown = try #require(try makeSweep().shown)
        #expect(shown == SweepCell(streams: 100, viewers: 2_500, readers: 5, placement: .random))
    }
}
