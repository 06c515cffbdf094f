import Placement
import Testing

@testable import ServiceRuntime

@Suite struct SubscriptionJournalTests {
    @Test func firstReportIsFull() {
        var journal = SubscriptionJournal()
        journal.subscribed("video:b")
        journal.subscribed("video:a")
        journal.viewers(2, of: "video:a")
        let report = journal.next()
        #expect(
            report
                == .init(
                    sequence: 0, full: true, subscribed: ["video:a", "video:b"], unsubscribed: [], subscriptions: 2,
                    viewers: ["video:a": 2, "video:b": 0]))
    }

    @Test func changesSinceTheLastAcceptedReport() {
        var journal = accepted(["a", "b", "c"])
        journal.subscribed("d")
        journal.viewers(3, of: "d")
        journal.unsubscribed("a")
        journal.viewers(9, of: "b")
        let report = journal.next()
        #expect(
            report
                == .init(
                    sequence: 1, full: false, subscribed: ["d"], unsubscribed: ["a"], subscriptions: 3,
                    viewers: ["b": 9, "d": 3]))
        journal.accepted(resync: false)
        #expect(
            journal.next()
                == .init(sequence: 2, full: false, subscribed: [], unsubscribed: [], subscriptions: 3, viewers: [:]))
    }

    @Test func whatComesBackIsNoChange() {
        var journal = accepted(["a"])
        journal.unsubscribed("a")
        journal.subscribed("a")
        journal.viewers(4, of: "a")
        journal.viewers(0, of: "a")
        journal.subscribed("b")
        journal.unsubscribed("b")
        let report = journal.next()
        #expect(report.subscribed.isEmpty && report.unsubscribed.isEmpty && report.viewers.isEmpty && !report.full)
    }

    @Test func changesWhileAReportIsUnderWayAreInTheNextOne() {
        var journal = accepted(["a"])
        journal.subscribed("b")
        _ = journal.next()
        journal.unsubscribed("b")
        journal.subscribed("c")
        journal.accepted(resync: false)
        let report = journal.next()
        #expect(report.subscribed == ["c"])
        #expect(report.unsubscribed == ["b"])
        #expect(report.sequence == 2)
    }

    @Test func unknownFateAndResyncMakeTheNextOneFull() {
        var journal = accepted(["a"])
        journal.subscribed("b")
        _ = journal.next()
        journal.failed()
        let afterFailure = journal.next()
        #expect(afterFailure.full && afterFailure.subscribed == ["a", "b"] && afterFailure.sequence == 2)
        journal.accepted(resync: true)
        let afterResync = journal.next()
        #expect(afterResync.full && afterResync.sequence == 3)
        journal.accepted(resync: false)
        #expect(!journal.next().full)
    }

    @Test func viewersOfOtherChannelsAreNotKept() {
        var journal = accepted([])
        journal.viewers(5, of: "x")
        #expect(journal.next().viewers.isEmpty)
    }

    @Test func touchedChannelsAreBounded() {
        var journal = accepted(["a"])
        for number in 0...SubscriptionJournal.touchedFloor {
            journal.subscribed("v\(number)")
            journal.unsubscribed("v\(number)")
        }
        let report = journal.next()
        #expect(report.full && report.subscribed == ["a"])
        journal.accepted(resync: false)
        #expect(!journal.next().full)
    }

    @Test func overflowWhileUnderWayOutlivesTheAnswer() {
        var journal = accepted(["a"])
        _ = journal.next()
        for number in 0...SubscriptionJournal.touchedFloor {
            journal.subscribed("v\(number)")
            journal.unsubscribed("v\(number)")
        }
        journal.accepted(resync: false)
        #expect(journal.next().full)
    }

    /// Random histories with losses in both directions; what the receiver builds up must be the set whenever it has the
    /// newest report.
    @Test(arguments: 0..<200)
    func receiverConverges(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var journal = SubscriptionJournal()
        var receiver: (set: [String: Int], sequence: Int)?
        var truth: [String: Int] = [:]
        for step in 0..<60 {
            for _ in 0..<Int.random(in: 0..<6, using: &random) {
                let channel = "c\(Int.random(in: 0..<8, using: &random))"
                switch Int.random(in: 0..<3, using: &random) {
                case 0:
                    journal.subscribed(channel)
                    truth[channel] = truth[channel] ?? 0
                case 1:
                    journal.unsubscribed(channel)
                    truth[channel] = nil
                default:
                    let count = Int.random(in: 0..<4, using: &random)
                    journal.viewers(count, of: channel)
                    if truth[channel] != nil { truth[channel] = count }
                }
            }
            let report = journal.next()
            let fate = Int.random(in: 0..<5, using: &random)
            if fate == 0 {
                journal.failed()
                continue
            }
            let applied = apply(report, to: &receiver)
            if fate == 1 { journal.failed() } else { journal.accepted(resync: !applied) }
            if applied { #expect(receiver?.set == truth, "seed \(seed) step \(step)") }
            if fate == 2 { receiver = nil }
        }
    }

    private func apply(
        _ report: SubscriptionJournal.Changes, to receiver: inout (set: [String: Int], sequence: Int)?
    ) -> Bool {
        if report.full {
            receiver = (report.viewers, report.sequence)
            return true
        }
        guard var state = receiver, state.sequence + 1 == report.sequence else { return false }
        for channel in report.unsubscribed { state.set[channel] = nil }
        for channel in report.subscribed { state.set[channel] = 0 }
        for (channel, count) in report.viewers { state.set[channel] = count }
        state.sequence = report.sequence
        receiver = state
        return state.set.count == report.subscriptions
    }

    private func accepted(_ channels: [String]) -> SubscriptionJournal {
        var journal = SubscriptionJournal()
        for channel in channels { journal.subscribed(channel) }
        _ = journal.next()
        journal.accepted(resync: false)
        return journal
    }
}

@Suite struct PublishJournalTests {
    @Test func countsSinceTheLastAcceptedReport() {
        var journal = PublishJournal()
        journal.published(on: "a")
        journal.published(on: "a")
        #expect(journal.next() == .init(byChannel: ["a": 2]))
        journal.published(on: "b")
        journal.accepted()
        #expect(journal.next() == .init(byChannel: ["b": 1]))
    }

    @Test func failedCountsComeBack() {
        var journal = PublishJournal(channelsMax: 2)
        for channel in ["a", "b", "c"] { journal.published(on: channel) }
        #expect(journal.next() == .init(byChannel: ["a": 1, "b": 1], elsewhere: 1))
        for channel in ["c", "a"] { journal.published(on: channel) }
        journal.failed()
        #expect(journal.next() == .init(byChannel: ["a": 2, "b": 1], elsewhere: 2))
    }
}
