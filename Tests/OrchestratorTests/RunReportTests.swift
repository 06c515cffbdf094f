import Audience
import Foundation
import Report
import Testbed
import Testing

@testable import Orchestrator

struct RunReportTests {
    @Test func theReportIsWhatPeopleRead() {
        let report = makeReport()
        #expect(
            report.summary
                == "On average each of the 2 Readers had to subscribe to 70.0% of all 100 videos (theory says 71.0%), and got"
                + " each comment from Redis 1.8 times where once would do. 1,000 comments became 2,468 deliveries, 99% of"
                + " them within 2.00 ms; none was lost, repeated, altered or out of order.")
        #expect(
            report.verdict.sentence
                == "Verdict: 200 viewers connected; all 2,468 deliveries that were owed came once, in order and unaltered;"
                + " the spread is where the formula says (exit code 0).")
        let expected = """
            ## Readers

            |  | channels | share | predicted | viewers | received | sent | CPU | memory |
            | :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
            | reader-1 | 60 | 60.0% | 71.0% | 100 | 900 | 1,234 | 1.50 s | 40.0 MiB |
            | reader-2 | 80 | 80.0% | 71.0% | 100 | 900 | 1,234 | 1.50 s | 40.0 MiB |

            ## Subscriptions

            | metric | value |
            | :--- | ---: |
            | channels | 100 |
            | spread | 70.0% |
            | spread predicted | 71.0% |
            | spread off | -1.0% |
            | spread's standard deviation | 2.0% |
            | one Reader's standard deviation | 4.0% |
            | spread lowest | 60.0% |
            | spread highest | 80.0% |
            | amplification | 1.400 |
            | amplification predicted | 1.420 |
            | weighted amplification | 1.800 |
            | weighted amplification predicted | 1.790 |
            | messages from Redis for each comment | 1.800 |
            | wasted share | 28.6% |
            | wasted share predicted | 29.6% |
            | subscriptions | 140 |
            | subscriptions in Redis | 140 |

            """
        #expect(report.markdown().contains(expected.dropLast()), "\(report.markdown())")
        let sections = report.markdown().split(separator: "\n").filter { $0.hasPrefix("## ") }
        #expect(
            sections == [
                "## Readers", "## Subscriptions", "## Connections", "## Delivery", "## Latency", "## Costs",
                "## Processes", "## Checks", "## Conditions",
            ])
    }

    @Test func everyNumberOfAReaderIsALineOfTheSpreadsheet() {
        let lines = makeReport().csv().split(separator: "\n")
        let started = "run,2026-01-01T12:00:00.000Z"
        #expect(lines.contains("\(started),Readers,reader-1,channels,60.0,,neutral"))
        #expect(lines.contains("\(started),Processes,reader-1,\"memory, peak\",41943040.0,bytes,neutral"))
    }

    @Test func theParametersAreThoseOfTheCommand() {
        let parameters = Dictionary(uniqueKeysWithValues: makeReport().parameters.map { ($0.name, $0.value) })
        #expect(parameters["command"] == "Orchestrator run" && parameters["viewers"] == "200")
    }

    @Test func chartsCarryWhatWasMeasured() throws {
        let charts = makeReport().charts
        #expect(charts.first?.series.first?.points.map(\.y) == [60, 80])
        let theory = try #require(charts.first { $0.series.count == 2 && $0.kind == .line })
        // One viewer alone on one Reader: everything is subscribed there.
        #expect(theory.series[0].points.first == Chart.Point(x: 1, y: 100))
        #expect(theory.series[1].points == [Chart.Point(x: 2, y: 70)])
    }

    @Test func latencyAndRatesAreShownOverTime() throws {
        var run = makeRun()
        run.settings.rate = 60
        run.timeline = (1...4).map { second in
            var latency = LatencyHistogram()
            if second > 2 { latency.record(microseconds: Int64(second) * 1000) }
            return RunResult.Sample(
                seconds: Double(second), acknowledged: 50 * second, delivered: 100 * second,
                latency: LatencySummary(latency))
        }
        let report = run.report(nil)
        let latency = try #require(report.charts.first { $0.title.hasPrefix("Latency of each second") })
        #expect(latency.series.map(\.name) == ["p50", "p99"] && latency.series[1].points.map(\.x) == [3, 4])
        #expect(latency.series[1].points.map { $0.y.rounded() } == [3, 4])
        let comments = try #require(report.charts.first { $0.title == "Comments" })
        #expect(comments.series[0].points.allSatisfy { $0.y == 60 })
        #expect(comments.series[1].points.map(\.y) == [50, 50, 50])
        let lines = report.samplesCSV().split(separator: "\n").map(String.init)
        #expect(lines[0] == "series,seconds,wanted,acknowledged,delivered,p50 milliseconds,p99 milliseconds")
        #expect(lines[1] == "publishing,1,60,50,100,,")
        #expect(lines.count { $0.hasPrefix("latency since due,") } == 2)
    }

    /// 2,468 deliveries say nothing of the slowest in 10,000.
    @Test func percentilesEndWhereDeliveriesDo() throws {
        let chart = try #require(makeReport().charts.first { $0.isOfPercentiles == true })
        let xs = chart.series[0].points.map { $0.x.rounded() }
        #expect(xs.first == 1 && xs.last == 2_000 && xs.contains(100))
    }

    @Test func whatWasDoneToTheServicesIsTold() {
        var run = makeRun()
        run.faultLog.marks = [FaultMark(seconds: 8, kind: .begin, text: "SIGKILL to reader-1")]
        #expect(run.report(nil).markdown().contains("| 8.00 | begin: SIGKILL to reader-1 |"))
    }

    @Test func slowerAndLostAreFoundByAComparison() throws {
        var worse = makeRun()
        worse.swarm = makeSwarm(lost: 1, latencyMicroseconds: 20_000)
        let comparison = try Comparison(old: makeReport(), new: worse.report(nil), tolerance: 0.1)
        #expect(comparison.regressions.map(\.metric.name) == ["lost", "p50", "p99"])
        #expect(try Comparison(old: makeReport(), new: makeReport(), tolerance: 0).passed)
    }

    /// It used to pass: what an interrupted run did not reach was left out.
    @Test func anInterruptedRunDoesNotPassAComparison() throws {
        var short = makeRun()
        short.swarm = nil
        short.spread = nil
        let comparison = try Comparison(old: makeReport(), new: short.report(.interrupted), tolerance: 0.1)
        #expect(!comparison.passed && comparison.failure == "interrupted")
        #expect(comparison.regressions.map(\.metric.name).contains("p99"))
        #expect(comparison.rows.first { $0.metric.name == "Readers' memory" }?.change == .same)
    }

    /// Thresholds are checked before anything runs: every metric of every report must be known by then.
    @Test func everyMetricIsKnownBeforeTheRun() throws {
        var run = makeRun()
        run.likes = LikesResult.Outcome()
        let names = Set(RunResult.definitions.map(\.name))
        #expect(Set(run.report(nil).metrics.map(\.name)).isSubset(of: names))
        var report = makeReport()
        report.apply([
            try Threshold("p99<3ms", known: RunResult.definitions),
            try Threshold("dropped<1%", known: RunResult.definitions),
        ])
        #expect(report.verdict.status == .fine)
        report.apply([try Threshold("p99<1ms", known: RunResult.definitions)])
        #expect(report.verdict.status == .auditFailed)
    }
}

struct RunCheckerTests {
    @Test func aFailureCountsBeforeAllElse() {
        var report = makeRun()
        report.swarm = makeSwarm(lost: 1)
        let death = ChildDeath(name: "redis", exit: .signal(9), log: "redis.log", tail: [])
        #expect(RunChecker.verdict(on: report, failure: .died(death)).status == .processDied)
        #expect(RunChecker.verdict(on: report, failure: .interrupted).status == .interrupted)
        #expect(RunChecker.verdict(on: report, failure: .missing("x")).status == .unavailable)
        #expect(RunChecker.verdict(on: report, failure: nil).status == .auditFailed)
    }

    @Test func theAuditsFindingsAreCounted() {
        var report = makeRun()
        report.swarm?.delivery.lost = 3
        report.swarm?.delivery.delivered -= 3
        report.swarm?.delivery.reordered = 1_000
        let verdict = RunChecker.verdict(on: report, failure: nil)
        #expect(verdict.status == .auditFailed)
        #expect(verdict.reason == "the audit of all viewers found 3 lost, 1,000 out of order")
        #expect(RunSummary.text(report).contains("the audit found 3 lost, 1,000 out of order"))
    }

    /// Whatever makes a run prove less than it says fails it, by its own name, unless that is allowed.
    @Test(arguments: RunChecker.Allowance.allCases) func aRunThatProvesLittleFails(allowance: RunChecker.Allowance) {
        var report = makeRun()
        switch allowance {
        case .small: report.swarm?.publishing.acknowledged = 9
        case .dropped: report.swarm?.publishing.dropped = 1
        case .failed: report.swarm?.publishing.failed = 1
        case .gaps: report.swarm?.delivery.toldMissing = 1
        case .saturated: report.swarm?.generatorLimited = true
        case .spread: report.readers[0].share = 0.55
        }
        let verdict = RunChecker.verdict(on: report, failure: nil)
        #expect(verdict.failed.map(\.name) == [allowance.rawValue])
        report.settings.allowed = [allowance]
        #expect(RunChecker.verdict(on: report, failure: nil).status == .fine)
        #expect(report.settings.commandLine.hasSuffix(" --allow \(allowance)"))
    }

    @Test func moreReadersMayBeFurtherOff() {
        let deviation = SpreadOutcome.Deviation(spread: 0, share: 1)
        #expect(abs(deviation.shareLimit(readers: 1) - 3) < 1e-6)
        #expect((3.4...3.5).contains(deviation.shareLimit(readers: 5)))
        #expect((4.1...4.3).contains(deviation.shareLimit(readers: 100)))
    }

    @Test func viewersThatCouldNotConnectAreNotFine() {
        var report = makeRun()
        report.connections.failed = 2
        #expect(RunChecker.verdict(on: report, failure: nil).status == .unavailable)
    }

    @Test func aPersonMustHearTheirVideoAndNoOther() {
        var report = makeRun()
        report.swarm = nil
        let good = RunResult.Person(
            name: "client-1", user: "user1", video: "video1", generated: 1, consumed: 1, missed: [],
            foreign: [])
        report.people = [good]
        #expect(RunChecker.verdict(on: report, failure: nil).status == .fine)
        report.people[0].foreign = ["b"]
        #expect(
            RunChecker.verdict(on: report, failure: nil).reason
                == "user1, who watches video1, got a comment of another video: b")
        report.people[0].missed = ["a"]
        #expect(RunChecker.verdict(on: report, failure: nil).reason == "user1, who watches video1, never got: a")
        #expect(RunChecker.verdict(on: report, failure: nil).status == .auditFailed)
    }
}
