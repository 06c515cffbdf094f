import Audience
import Foundation
import Testing

@testable import Orchestrator

struct RunReportTests {
    @Test func aReportSurvivesItsFile() async throws {
        try await withFolder { folder in
            let report = makeReport()
            try ReportFiles.write(report, to: folder)
            #expect(try ReportFiles.read("\(folder)/report.json") == report)
            for name in ["report.md", "report.csv", "report.html"] {
                #expect(FileManager.default.fileExists(atPath: "\(folder)/\(name)"))
            }
        }
    }

    @Test(arguments: [
        ("{}", "not a report.json"), ("[", "not a report.json"),
        (#"{"schema":99,"kind":"run"}"#, "kind 'run', version 99"),
        (#"{"schema":1,"kind":"predict"}"#, "kind 'predict'"),
    ])
    func anotherFileIsRefusedWithItsReason(content: String, reason: String) async throws {
        try await withFolder { folder in
            let path = "\(folder)/report.json"
            try content.write(toFile: path, atomically: true, encoding: .utf8)
            #expect {
                try ReportFiles.read(path)
            } throws: { error in
                (error as? Failure)?.status == .badArguments
                    && (error as? Failure)?.description.contains(reason) == true
            }
        }
    }

    @Test func theMarkdownIsWhatPeopleRead() {
        let expected = """
            # Run of 2026-01-01T12:00:00.000Z

            On average each of the 2 Readers had to subscribe to 70.0% of all 100 videos (theory says 71.0%), so that Redis \
            sent every comment 1.8 times where once would do. 1,000 comments became 2,468 deliveries, 99% of them within \
            2.00 ms; none was lost, repeated or out of order.

            Verdict: nothing lost, nothing repeated, nothing out of order (exit code 0).

            ## Readers

            | Reader | channels | share | predicted | viewers | sent | CPU s | memory |
            | :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
            | reader-1 | 60 | 60.0% | 71.0% | 100 | 1,234 | 1.50 | 40.0 MiB |
            | reader-2 | 80 | 80.0% | 71.0% | 100 | 1,234 | 1.50 | 40.0 MiB |

            ## Subscriptions

            | subscriptions | measured | predicted |
            | :--- | ---: | ---: |
            | share of the channels on a Reader, mean | 70.0% | 71.0% |
            | share, lowest and highest | 60.0% - 80.0% |  |
            | amplification: Redis deliveries for one publish | 1.40 | 1.42 |
            | amplification, weighted by what was published | 1.80 | 1.79 |
            | wasted share of the subscriptions | 28.6% | 29.6% |
            | subscriptions, as the Readers report | 140 |  |
            | subscriptions, Redis's own count | 140 |  |

            """
        #expect(makeReport().markdown().hasPrefix(expected))
        let sections = makeReport().markdown().split(separator: "\n").filter { $0.hasPrefix("## ") }
        #expect(
            sections == [
                "## Readers", "## Subscriptions", "## Delivery", "## Latency", "## Redis", "## Processes",
                "## Conditions",
            ])
    }

    @Test func everyReaderIsALineOfTheSpreadsheet() {
        let lines = makeReport().csv().split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[1] == "random,reference,100,200,2,50,1,reader-1,60,0.6,0.71,100,500,1234,1.5,41943040")
    }
}

struct JudgeTests {
    @Test func aFailureCountsBeforeAllElse() {
        var report = makeReport()
        report.swarm = makeSwarm(lost: 1)
        let death = ChildDeath(name: "redis", exit: .signal(9), log: "redis.log", tail: [])
        #expect(Judge.verdict(on: report, failure: .died(death)).status == .processDied)
        #expect(Judge.verdict(on: report, failure: .interrupted).status == .interrupted)
        #expect(Judge.verdict(on: report, failure: .missing("x")).status == .unavailable)
        #expect(Judge.verdict(on: report, failure: nil).status == .auditFailed)
    }

    @Test func theAuditsFindingsAreCounted() {
        var report = makeReport()
        report.swarm?.delivery.lost = 3
        report.swarm?.delivery.reordered = 1_000
        let verdict = Judge.verdict(on: report, failure: nil)
        #expect(verdict.status == .auditFailed)
        #expect(verdict.reason == "the audit of all viewers found 3 lost, 1,000 out of order")
        #expect(Conclusion.text(report).contains("3 were lost, 0 repeated, 1,000 out of order"))
    }

    @Test func viewersThatCouldNotConnectAreNotFine() {
        var report = makeReport()
        report.connections.failed = 2
        #expect(Judge.verdict(on: report, failure: nil).status == .unavailable)
    }

    @Test func aPersonMustHearTheirVideoAndNoOther() {
        var report = makeReport()
        report.swarm = nil
        let good = RunReport.Person(
            name: "client-1", user: "user1", video: "video1", generated: 1, consumed: 1, heard: ["a"], missed: [],
            foreign: [])
        report.people = [good]
        #expect(Judge.verdict(on: report, failure: nil).status == .fine)
        report.people[0].foreign = ["b"]
        #expect(
            Judge.verdict(on: report, failure: nil).reason
                == "user1, who watches video1, got a comment of another video: b")
        report.people[0].missed = ["a"]
        #expect(Judge.verdict(on: report, failure: nil).reason == "user1, who watches video1, never got: a")
        #expect(Judge.verdict(on: report, failure: nil).status == .auditFailed)
    }
}
