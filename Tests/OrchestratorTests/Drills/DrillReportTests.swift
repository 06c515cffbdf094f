import Audience
import Foundation
import Options
import Report
import Testbed
import Testing

@testable import Orchestrator

struct DrillReportTests {
    /// A fault from 4 s to 6 s; `whole` are times until which everybody had everything, one for each tenth of a second.
    func makePass(whole: [Double], connects: [Int] = []) -> DrillResult.Pass {
        var pass = DrillResult.Pass(name: "")
        pass.connections = SwarmReport.Viewers(wanted: 200, connected: 200, connectSeconds: 1)
        pass.faultLog.marks = [
            .init(seconds: 4, kind: .begin, text: "SIGKILL"), .init(seconds: 6, kind: .end, text: "gone"),
        ]
        pass.samples = whole.enumerated().map { index, time in
            DrillResult.Sample(
                seconds: 5.9 + Double(index) * 0.1, acknowledged: index, delivered: index * 10, away: index,
                behind: 0, wholeThrough: time, attempts: 0,
                connects: index < connects.count ? connects[index] : connects.last ?? 0)
        }
        pass.swarm = makeSwarm()
        return pass
    }

    func makeDrill(_ drill: Drill = .killReader, passes: [DrillResult.Pass]) -> DrillResult {
        DrillResult(drill: drill, settings: .standard, swarms: 1, base: makeBase("drill"), passes: passes)
    }

    @Test func wholeAgainMeansEverythingUntilTheEndOfTheFault() throws {
        // At 6.1 s everybody has what was acknowledged until 5.99 s: not enough.
        let pass = makePass(whole: [3.9, 3.9, 5.99, 6.0, 6.2])
        #expect(abs(try #require(pass.recoverySeconds) - 0.2) < 1e-9)
        #expect(makePass(whole: [3.9, 5.9]).recoverySeconds == nil)
        var endless = pass
        endless.faultLog.marks.removeLast()
        #expect(endless.recoverySeconds == nil)
    }

    /// 100 a second are acknowledged until 4 s, and from 6 s on.
    @Test(arguments: [
        (0, 0, 100, ""), (3, 0, 100, "3 were refused"), (0, 2, 100, "2 were refused"), (0, 0, 40, "40 a second"),
    ])
    func aServiceWorksBeforeAFaultAndAfterIt(before: Int, late: Int, rate: Int, complaint: String) {
        let marks = makePass(whole: []).faultLog.marks
        let answers = [
            Answers(seconds: 0, acknowledged: 0, refused: 0), Answers(seconds: 3.9, acknowledged: 390, refused: before),
            Answers(seconds: 8, acknowledged: 600, refused: 90),
            Answers(seconds: 10, acknowledged: 600 + 2 * rate, refused: 90 + late),
        ]
        let complaints = answers.complaints(marks, refusedShareMax: 0)
        #expect(answers.complaints(marks, refusedShareMax: 0.02).count == (rate < 50 ? 1 : 0))
        #expect(complaints.isEmpty == complaint.isEmpty && complaints.allSatisfy { $0.hasPrefix(complaint) })
    }

    @Test func thePeakIsTheFastestWindow() {
        let pass = makePass(whole: Array(repeating: 7, count: 31), connects: [2_000, 2_000, 2_090, 2_100] + [2_100])
        #expect(abs(pass.acceptsPeak(window: 1) - 100) < 1)
        #expect(abs(pass.acceptsPeak(window: 0.1) - 900) < 1)
        #expect(makePass(whole: []).acceptsPeak(window: 1) == 0)
    }

    /// Samples are taken from 5.9 s on; the fault begins at 4 s.
    @Test func whoeverIsLateForTooLongIsNoticed() throws {
        var pass = makePass(whole: [5.8, 5.8, 5.8, 6.1])
        pass.samples.insert(
            .init(
                seconds: 3, acknowledged: 0, delivered: 0, away: 0, behind: 0, wholeThrough: 2.9, attempts: 0,
                connects: 0
            ), at: 0)
        let late = try #require(pass.lateSeconds)
        #expect(abs(late.calm - 0.1) < 1e-9 && abs(late.fault - 0.3) < 1e-9)
        var drill = Drill.killReader
        drill.lateSecondsMax = 0.25
        #expect(DrillChecker.verdict(on: makeDrill(drill, passes: [pass]), failure: nil).status == .fine)
        drill.lateSecondsMax = 0.15
        let verdict = DrillChecker.verdict(on: makeDrill(drill, passes: [pass]), failure: nil)
        #expect(verdict.failed.map(\.name) == ["recovery"] && verdict.reason.contains("0.30 s"))
    }

    @Test func aWholeDrillIsFine() {
        let verdict = DrillChecker.verdict(on: makeDrill(passes: [makePass(whole: [3, 6.1])]), failure: nil)
        #expect(verdict.status == .fine)
    }

    @Test func everyBrokenPromiseIsNamed() {
        var pass = makePass(whole: [3])
        pass.swarm?.delivery.lost = 3
        pass.swarm?.delivery.repeated = 1_000
        pass.swarm?.delivery.toldMissing = 7
        pass.history = DrillResult.HistoryCheck(wanted: 9, missing: 2, others: 0)
        let verdict = DrillChecker.verdict(on: makeDrill(passes: [pass]), failure: nil)
        #expect(verdict.status == .auditFailed && verdict.failed.map(\.name) == ["audit", "recovery"])
        for part in [
            "3 lost", "1,000 repeated", "7 told missing", "2 missing from GET /history", "did not recover",
        ] {
            #expect(verdict.reason.contains(part), "\(verdict.reason)")
        }
    }

    @Test func aGapIsAnAnswerWhenRedisLostEverything() {
        var pass = makePass(whole: [3, 6.1])
        pass.swarm?.delivery.toldMissing = 7
        #expect(DrillChecker.verdict(on: makeDrill(.loseRedis, passes: [pass]), failure: nil).status == .fine)
    }

    @Test func onlyADrainMayTakeItsTime() {
        let late = makePass(whole: Array(repeating: 3, count: 60) + [6.1])
        #expect(
            DrillChecker.verdict(on: makeDrill(passes: [late]), failure: nil).reason.contains(
                "recovered only after 5.9 s"))
        #expect(DrillChecker.verdict(on: makeDrill(.drainReader, passes: [late]), failure: nil).status == .fine)
    }

    @Test func aFaultThatDidNotHappenSaysNothing() {
        let pass = makePass(whole: [3, 6.1])
        for (needed, promised, status) in [(0, 0, ExitStatus.unavailable), (1, 0, .fine), (1, 2, .auditFailed)] {
            var cut = pass
            cut.faultLog.facts = [
                DrillFact(name: "subscribers cut", value: needed, needed: 1...Int.max),
                DrillFact(name: "left hanging", value: promised, promised: 0...1),
            ]
            #expect(DrillChecker.verdict(on: makeDrill(passes: [cut]), failure: nil).status == status)
            #expect(makeDrill(passes: [cut]).report(nil).value("number", scope: "left hanging") == Double(promised))
        }
        var calm = pass
        calm.faultLog.marks = []
        #expect(DrillChecker.verdict(on: makeDrill(passes: [calm]), failure: nil).status == .unavailable)
        var silent = pass
        silent.swarm?.publishing.acknowledged = 0
        #expect(DrillChecker.verdict(on: makeDrill(passes: [silent]), failure: nil).status == .unavailable)
        #expect(DrillChecker.verdict(on: makeDrill(passes: []), failure: .interrupted).status == .interrupted)
        // One pass of two.
        #expect(
            DrillChecker.verdict(on: makeDrill(.reconnectStorm, passes: [pass]), failure: nil).status == .interrupted)
    }

    /// 1,000 viewers; 200 of them on the Reader that leaves.
    func makeJoinLeave(join: Int, leave: Int) -> DrillResult {
        func change(_ name: String, _ moved: Int, _ due: Int) -> DrillResult.Change {
            DrillResult.Change(
                name: name, videos: 100, videosMoved: 16, videosMovedElsewhere: 1, shareExpected: 0.2, viewers: 1_000,
                viewersMoved: moved, viewersDue: due)
        }
        var pass = makePass(whole: [3, 6.1])
        pass.faultLog.changes = [change("reader-4 joins", join, 0), change("reader-1 leaves", leave, 200)]
        return makeDrill(.joinLeave, passes: [pass])
    }

    @Test func onlyThoseMoveWhoMust() {
        #expect(DrillChecker.verdict(on: makeJoinLeave(join: 0, leave: 200), failure: nil).status == .fine)
        #expect(DrillChecker.verdict(on: makeJoinLeave(join: 10, leave: 210), failure: nil).status == .fine)
        let joined = DrillChecker.verdict(on: makeJoinLeave(join: 200, leave: 200), failure: nil)
        #expect(joined.status == .auditFailed)
        #expect(joined.reason.contains("reader-4 joins: 200 viewers moved, 0 had to"))
        #expect(DrillChecker.verdict(on: makeJoinLeave(join: 0, leave: 211), failure: nil).status == .auditFailed)
        #expect(makeJoinLeave(join: 0, leave: 200).report(nil).text().contains("reader-1 leaves"))
        #expect(makeJoinLeave(join: 0, leave: 200).report(nil).markdown().contains("16.0%"))
    }

    @Test func theReportHasTheTimelineAndItsSamples() throws {
        let report = makeDrill(passes: [makePass(whole: [3, 6.1], connects: [1, 5])]).report(nil)
        #expect(report.markdown().contains("begin: SIGKILL"))
        #expect(report.markdown().contains("every viewer is connected and has everything"))
        #expect(report.samplesCSV().split(separator: "\n").count == 3)
        #expect(report.charts.count == 4)
        #expect(abs(try #require(report.value("time to recover"))) < 1e-9)
        let names = Set(DrillResult.definitions.map(\.name))
        #expect(Set(report.metrics.map(\.name)).isSubset(of: names))
    }

    @Test func aSuiteFailsWithItsFirstFailure() {
        var suite = makeBase("drills")
        let fine = makeDrill(passes: [makePass(whole: [3, 6.1])]).report(nil)
        suite.gather([("kill-reader", fine)], groups: ["Delivery"])
        #expect(suite.verdict.status == .fine)
        #expect(suite.value("lost", scope: "kill-reader") == 0)
        let broken = makeDrill(.loseRedis, passes: []).report(.missing("x"))
        suite.gather([("lose-redis", broken)], groups: ["Delivery"])
        #expect(suite.verdict.status == .unavailable)
        #expect(suite.text().contains("lose-redis"))
    }

    @Test func whatTheHistoryLacksIsCounted() {
        #expect(HistoryAudit.missing(["0.1", "0.2", "1.1"], in: ["0.1", "1.1", "9.9"]) == 1)
    }
}
