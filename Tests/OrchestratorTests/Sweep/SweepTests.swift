import ArgumentParser
import Audience
import Foundation
import Options
import Placement
import Report
import TestSupport
import Testbed
import Testing

@testable import Orchestrator

/// Testing has an `ExitStatus` of its own.
typealias RunStatus = Failure.Status

struct SweepArgumentsTests {
    @Test func theGridIsTheProductWithPlacementsNextToEachOther() throws {
        let settings = try SweepSettings.parse([
            "--streams", "100,10", "--viewers", "250", "--readers", "3,5", "--placement", "random,overflow",
        ]).checked()
        #expect(settings.cells.count == 8)
        #expect(settings.cells[0] == SweepCell(streams: 10, viewers: 250, readers: 3, placement: .random))
        #expect(settings.cells[1] == SweepCell(streams: 10, viewers: 250, readers: 3, placement: .overflow))
        #expect(settings.cells[7] == SweepCell(streams: 100, viewers: 250, readers: 5, placement: .overflow))
        #expect(Set(settings.cells.map(\.id)).count == 8)
        #expect(
            settings.commandLine
                == "Orchestrator sweep --streams 10,100 --viewers 250 --readers 3,5")
    }

    @Test func aCellsRunIsTheSameAudienceUnderEveryPlacement() throws {
        var settings = SweepSettings.standard
        settings.seed = 9
        settings.rate = 20
        let runs = settings.cells.prefix(2).map(settings.run)
        #expect(runs.map(\.placement) == [.random, .overflow])
        var second = runs[1]
        second.placement = .random
        #expect(second.words == runs[0].words)
        #expect(runs[0].seed == 9 && runs[0].rate == 20)
    }

    @Test func everyCellHasTheRedisThatWasTyped() throws {
        let settings = try SweepSettings.parse(["--redis-nodes", "3", "--redis-replicas", "1"]).checked()
        #expect(settings.cells.allSatisfy { settings.run($0).redisTopology == .cluster(masters: 3, replicas: 1) })
        #expect(settings.commandLine == "Orchestrator sweep --redis-nodes 3 --redis-replicas 1")
        #expect(SweepSettings.standard.cells.allSatisfy { SweepSettings.standard.run($0).redisTopology == .server })
        let alone = problems { try SweepSettings.parse(["--redis-replicas", "1"]).checked() }
        #expect(alone == ["--redis-replicas: means nothing without --redis-nodes"])
        #expect(problems { try SweepSettings.parse(["--redis-nodes", "31"]).checked() }.count == 1)
    }

    @Test(arguments: [("10", [10]), ("100,10,10", [10, 100]), ("1,1000000", [1, 1_000_000])])
    func numbersAreRead(text: String, numbers: [Int]) throws {
        #expect(try SweepSettings.parse(["--streams", text]).valid().streams == numbers)
    }

    @Test(arguments: ["", "0", "10,", "a", "1,,2", "1000001", "1..5", "-1"])
    func anythingElseIsRefused(text: String) {
        #expect(throws: Failure.self) { try SweepSettings.parse(["--streams", text]).valid() }
    }

    @Test func everyProblemIsSaidAtOnce() throws {
        let arguments = try SweepSettings.parse([
            "--streams", "0", "--viewers", "x", "--readers", "200", "--audience", "crowd", "--placement", "best",
            "--seed", "-1", "--rate", "0", "--duration", "x",
        ])
        let names = problems { try arguments.checked() }.map { $0.prefix { $0 != " " } }
        #expect(
            names == [
                "--streams", "--viewers", "--readers", "--audience", "--placement", "--seed", "--rate", "--duration",
            ])
        #expect(arguments.typed.count == 8)
        #expect(try SweepSettings.parse([]).typed.isEmpty)
    }

    @Test func tooLargeAGridIsRefused() {
        #expect(throws: Failure.self) { try SweepSettings.parse(["--readers", "1..100"]).checked() }
        #expect(throws: Never.self) { try SweepSettings.parse(["--readers", "1..80"]).checked() }
    }
}

struct SweepLimitsTests {
    func reason(_ viewers: Int, _ readers: Int) -> String? {
        let cell = SweepCell(streams: 10, viewers: viewers, readers: readers, placement: .random)
        let capacity = Capacity(perProcess: 20_000, memoryBytes: 4 << 30)
        return ProcessPlan.problems(with: SweepSettings.standard.run(cell), capacity).first
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

struct SweepCheckpointTests {
    let cell = SweepCell(streams: 100, viewers: 2_500, readers: 5, placement: .random)

    func finishedReport(_ settings: SweepSettings, _ status: RunStatus = .fine) -> Report {
        var run = makeRun()
        run.settings = settings.run(cell)
        run.base.command = run.settings.commandLine
        var report = run.report(nil)
        report.verdict.checks[0].passed = status == .fine
        report.verdict.checks[0].exitCode = status
        return report
    }

    @Test func aFinishedCellIsFoundAgain() async throws {
        try await withTemporaryFolder { folder in
            let settings = SweepSettings.standard
            let checkpoint = try SweepCheckpoint(new: settings, folder: folder)
            #expect(checkpoint.finished(cell) == nil)
            try checkpoint.begin(cell).write(finishedReport(settings))
            let again = try SweepCheckpoint(resuming: folder)
            #expect(again.settings.words == settings.words)
            #expect(again.finished(cell) != nil)
            #expect(again.settings.cells.filter { again.finished($0) == nil }.count == settings.cells.count - 1)
        }
    }

    @Test(arguments: [
        (RunStatus.fine, true), (.auditFailed, true), (.interrupted, false), (.processDied, false),
        (.unavailable, false),
    ])
    func onlyARunThatCameToItsEndCounts(status: RunStatus, counts: Bool) async throws {
        try await withTemporaryFolder { folder in
            let checkpoint = try SweepCheckpoint(new: SweepSettings.standard, folder: folder)
            try checkpoint.begin(cell).write(finishedReport(checkpoint.settings, status))
            #expect((checkpoint.finished(cell) != nil) == counts)
        }
    }

    @Test func aReportOfOtherParametersDoesNotCount() async throws {
        try await withTemporaryFolder { folder in
            let checkpoint = try SweepCheckpoint(new: SweepSettings.standard, folder: folder)
            var other = checkpoint.settings
            other.rate += 1
            try checkpoint.begin(cell).write(finishedReport(other))
            #expect(checkpoint.finished(cell) == nil)
        }
    }

    /// A sweep that goes on keeps what an interrupted cell has left.
    @Test func anInterruptedCellDoesNotGetLost() async throws {
        try await withTemporaryFolder { folder in
            let checkpoint = try SweepCheckpoint(new: SweepSettings.standard, folder: folder)
            try checkpoint.begin(cell).write("half", to: "reader-1.log")
            try checkpoint.begin(cell).write(finishedReport(checkpoint.settings))
            #expect(checkpoint.finished(cell) != nil)
            #expect(text(of: "\(folder)/cells/\(cell.id).1/reader-1.log") == "half")
        }
    }

    @Test func whereThereIsNoSweepNothingCanGoOn() async throws {
        try await withTemporaryFolder { folder in
            #expect(throws: Failure.self) { try SweepCheckpoint(resuming: folder) }
            try "{}".write(toFile: "\(folder)/sweep.json", atomically: true, encoding: .utf8)
            #expect(throws: Failure.self) { try SweepCheckpoint(resuming: folder) }
        }
    }
}

struct SweepReportTests {
    let cell = SweepCell(streams: 100, viewers: 2_500, readers: 5, placement: .random)

    func makeSweep() -> SweepResult {
        var result = SweepResult(settings: SweepSettings.standard, base: makeBase("sweep"), limits: "")
        result.take(makeReport(), of: cell)
        result.open = nil
        return result
    }

    @Test func residualsAreMeasuredLessPredicted() throws {
        let report = makeSweep().report()
        #expect(abs(try #require(report.value("spread off", scope: cell.name)) + 1) < 1e-9)
        #expect(report.value("spread", scope: cell.name) == 70)
        #expect(report.value("spread predicted", scope: cell.name) == 71)
        #expect(report.value("delivered", scope: cell.name) == 2_468)
        #expect(report.verdict.status == .fine)
    }

    @Test func aRunWithoutMeasurementIsListedWithItsReason() throws {
        var (result, run) = (makeSweep(), makeRun())
        run.spread = nil
        let failure = Failure.unavailable("reader-1 died")
        result.take(run.report(failure), of: SweepCell(streams: 10, viewers: 250, readers: 3, placement: .overflow))
        #expect(result.cells.count == 1)
        #expect(result.missing.map(\.reason) == ["reader-1 died"])
        #expect(result.report().markdown().contains("reader-1 died"))
        #expect(result.report().verdict.status == .unavailable)
    }

    @Test func theFirstCellThatFailedDecidesAndASweepThatIsNotDoneDoesNotPass() {
        var result = makeSweep()
        var run = makeRun()
        run.swarm = makeSwarm(lost: 1)
        result.take(run.report(nil), of: SweepCell(streams: 10, viewers: 250, readers: 3, placement: .random))
        #expect(result.report().verdict.status == .auditFailed)
        result.open = "interrupted"
        #expect(result.report().verdict.status == .interrupted)
    }

    @Test func everyFileNamesTheCell() throws {
        let report = makeSweep().report()
        #expect(report.csv().contains("100 streams, 2,500 viewers, 5 Readers, random"))
        #expect(report.markdown().contains("| 100 streams, 2,500 viewers, 5 Readers, random |"))
        #expect(report.charts.first?.title.hasSuffix("100 streams, 2,500 viewers") == true)
        #expect(report.charts.last?.series.first?.points.count == 1)
        #expect(try Comparison(old: report, new: report, tolerance: 0).passed)
    }

    @Test func theAudienceNearestToTheReferenceIsShown() throws {
        #expect(SweepSettings.standard.shown == cell)
    }
}
