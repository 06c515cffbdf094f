import ArgumentParser
import Options
import Placement
import Report
import Testbed
import Testing

@testable import Orchestrator

struct SocialTests {
    private let limits = Capacity(perProcess: 20_000)

    private func settings(_ words: String) throws -> RunSettings {
        try RunSettings.parse(["--preset", "social"] + words.split(separator: " ").map(String.init)).checked(limits)
    }

    @Test func tenThousandPeopleIsThePreset() throws {
        let settings = try settings("")
        #expect(settings.viewers == 10_000 && settings.rate == 200 && settings.duration == 60)
        #expect(try self.settings("--viewers 100000 --rate 500").viewers == 100_000)
        #expect(settings.title == "Run: 10,000 people, posts and feeds")
        #expect(try self.settings("--rate 50").commandLine.contains("--preset social"))
    }

    @Test func optionsThatMeanNothingAreRefused() {
        let said = problems { try settings("--readers 3 --hold 5 --audience uniform --likes-rate 5") }.map {
            $0.prefix { $0 != ":" }
        }
        #expect(Set(said) == ["--readers", "--hold", "--audience", "--likes-rate"])
    }

    @Test func theMixIsAHundredAndIsDrawnAsStated() {
        #expect(SocialAction.allCases.reduce(0) { $0 + $1.share } == 100)
        var random = Xoshiro256(seed: 1)
        var counts: [SocialAction: Int] = [:]
        for _ in 0..<100_000 { counts[SocialAction.drawn(&random), default: 0] += 1 }
        for action in SocialAction.allCases {
            #expect(abs(counts[action, default: 0] - action.share * 1_000) < 600, "\(action): \(counts)")
        }
        let first = (0..<10_000).count { _ in SocialPlan.drawn(of: 1_000, &random) < 100 }
        #expect((4_300...5_000).contains(first), "\(first)")
        #expect((0..<1_000).allSatisfy { _ in SocialPlan.drawn(of: 1, &random) == 0 })
    }

    @Test func theLedgerKnowsWhoIsTold() {
        var random = Xoshiro256(seed: 1)
        var ledger = SocialLedger(people: ["anna", "bert", "carl"])
        #expect(ledger.post(&random) == nil)
        ledger.posted("p", by: "anna")
        #expect(ledger.post(&random) == "p")
        ledger.liked("p", by: "anna")
        ledger.liked("p", by: "bert")
        ledger.liked("p", by: "bert")
        ledger.commented("c", on: "p", by: "bert")
        ledger.commented("d", on: "p", by: "anna")
        ledger.followed("anna", by: "bert")
        ledger.followed("anna", by: "carl")
        #expect(ledger.likers == ["p": 1])
        #expect(
            ledger.told { $0.first == "carl" } == [["anna", "comment", "c"], ["anna", "follow", "carl"]],
            "nobody is told of the own comment, nor again of a follow that was there")
    }

    // MARK: Verdict

    private func goodResult() throws -> SocialResult {
        var result = SocialResult(settings: try settings(""), base: makeBase("social"))
        var crowd = SocialCrowd.State(ledger: SocialLedger(people: ["anna"]))
        crowd.tallies[.feed] = SocialCrowd.Tally(done: 990)
        (crowd.offered, crowd.dropped) = (1_000, 10)
        result.crowd = crowd
        result.found = SocialResult.Found(comparedFeeds: 5)
        return result
    }

    @Test func whatHoldsIsFine() throws {
        let result = try goodResult()
        #expect(result.verdict(nil).status == .fine, "\(result.verdict(nil).reason)")
        #expect(result.verdict(.interrupted).status == .interrupted)
        #expect(result.report(nil).markdown().contains("made in PostgreSQL"))
    }

    @Test(arguments: ["answers", "dropped", "feeds", "counts", "notifications"])
    func eachDifferenceFailsTheRun(_ name: String) throws {
        var result = try goodResult()
        switch name {
        case "answers": result.crowd?.tallies[.like, default: .init()].failed = 1
        case "dropped": result.crowd?.dropped = 11
        case "feeds": result.found?.feeds = ["anna's feed differs"]
        case "counts": result.found?.rows = ["a like is not there"]
        default: result.found?.notifications = ["one was told twice"]
        }
        #expect(result.verdict(nil).failed.map(\.name) == [name])
        #expect(result.verdict(nil).status == .auditFailed)
    }

    @Test func aRunInWhichNothingHappenedProvesNothing() throws {
        var result = try goodResult()
        result.crowd?.tallies = [:]
        #expect(result.verdict(nil).status == .unavailable)
        result = try goodResult()
        result.found = nil
        #expect(result.verdict(nil).status == .interrupted)
    }
}
