import Placement
import Testing

@testable import ServiceRuntime

@Suite struct SubscriptionDeltasTests {
    @Test func firstReportIsFull() {
        var deltas = SubscriptionDeltas()
        deltas.subscribed("video:b")
        deltas.subscribed("video:a")
        deltas.viewers(2, of: "video:a")
        let report = SubscriptionDeltas.Changes(
            sequence: 0, full: true, subscribed: ["video:a", "video:b"], unsubscribed: [], subscriptions: 2,
            viewers: ["video:a": 2, "video:b": 0])
        #expect(deltas.next() == report)
    }

    @Test func changesSinceTheLastAcceptedReport() {
        var deltas = accepted(["a", "b", "c"])
        deltas.subscribed("d")
        deltas.viewers(3, of: "d")
        deltas.unsubscribed("a")
        deltas.viewers(9, of: "b")
        var report = SubscriptionDeltas.Changes(
            sequence: 1, full: false, subscribed: ["d"], unsubscribed: ["a"], subscriptions: 3,
            viewers: ["b": 9, "d": 3])
        #expect(deltas.next() == report)
        deltas.accepted(resync: false)
        (report.sequence, report.subscribed, report.unsubscribed, report.viewers) = (2, [], [], [:])
        #expect(deltas.next() == report)
    }

    @Test func whatComesBackIsNoChange() {
        var deltas = accepted(["a"])
        deltas.unsubscribed("a")
        deltas.subscribed("a")
        deltas.viewers(4, of: "a")
        deltas.viewers(0, of: "a")
        deltas.subscribed("b")
        deltas.unsubscribed("b")
        let report = deltas.next()
        #expect(report.subscribed.isEmpty && report.unsubscribed.isEmpty && report.viewers.isEmpty && !report.full)
    }

    @Test func changesWhileAReportIsUnderWayAreInTheNextOne() {
        var deltas = accepted(["a"])
        deltas.subscribed("b")
        _ = deltas.next()
        deltas.unsubscribed("b")
        deltas.subscribed("c")
        deltas.accepted(resync: false)
        let report = deltas.next()
        #expect(report.subscribed == ["c"] && report.unsubscribed == ["b"] && report.sequence == 2)
    }

    @Test func unknownFateAndResyncMakeTheNextOneFull() {
        var deltas = accepted(["a"])
        deltas.subscribed("b")
        _ = deltas.next()
        deltas.failed()
        let afterFailure = deltas.next()
        #expect(afterFailure.full && afterFailure.subscribed == ["a", "b"] && afterFailure.sequence == 2)
        deltas.accepted(resync: true)
        let afterResync = deltas.next()
        #expect(afterResync.full && afterResync.sequence == 3)
        deltas.accepted(resync: false)
        #expect(!deltas.next().full)
    }

    @Test func viewersOfOtherChannelsAreNotKept() {
        var deltas = accepted([])
        deltas.viewers(5, of: "x")
        #expect(deltas.next().viewers.isEmpty)
    }

    @Test func touchedChannelsAreBounded() {
        var deltas = accepted(["a"])
        for number in 0...SubscriptionDeltas.changedMin {
            deltas.subscribed("v\(number)")
            deltas.unsubscribed("v\(number)")
        }
        let report = deltas.next()
        #expect(report.full && report.subscribed == ["a"])
        deltas.accepted(resync: false)
        #expect(!deltas.next().full)
    }

    @Test func overflowWhileUnderWayOutlivesTheAnswer() {
        var deltas = accepted(["a"])
        _ = deltas.next()
        for number in 0...SubscriptionDeltas.changedMin {
            deltas.subscribed("v\(number)")
            deltas.unsubscribed("v\(number)")
        }
        deltas.accepted(resync: false)
        #expect(deltas.next().full)
    }

    /// Random histories with losses in both directions; what the receiver builds up must be the set whenever it has the
    /// newest report.
    @Test(arguments: 0..<200)
    func receiverConverges(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var deltas = SubscriptionDeltas()
        var receiver: (set: [String: Int], sequence: Int)?
        var truth: [String: Int] = [:]
        for step in 0..<60 {
            for _ in 0..<Int.random(in: 0..<6, using: &random) {
                let channel = "c\(Int.random(in: 0..<8, using: &random))"
                switch Int.random(in: 0..<3, using: &random) {
                case 0:
                    deltas.subscribed(channel)
                    truth[channel] = truth[channel] ?? 0
                case 1:
                    deltas.unsubscribed(channel)
                    truth[channel] = nil
                default:
                    let count = Int.random(in: 0..<4, using: &random)
                    deltas.viewers(count, of: channel)
                    if truth[channel] != nil { truth[channel] = count }
                }
            }
            let report = deltas.next()
            let fate = Int.random(in: 0..<5, using: &random)
            if fate == 0 {
                deltas.failed()
                continue
            }
            let applied = apply(report, to: &receiver)
            if fate == 1 { deltas.failed() } else { deltas.accepted(resync: !applied) }
            if applied { #expect(receiver?.set == truth, "seed \(seed) step \(step)") }
            if fate == 2 { receiver = nil }
        }
    }

    private func apply(
        _ report: SubscriptionDeltas.Changes, to receiver: inout (set: [String: Int], sequence: Int)?
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

    private func accepted(_ channels: [String]) -> SubscriptionDeltas {
        var deltas = SubscriptionDeltas()
        for channel in channels { deltas.subscribed(channel) }
        _ = deltas.next()
        deltas.accepted(resync: false)
        return deltas
    }
}

@Suite struct PublishCountsTests {
    @Test func countsSinceTheLastAcceptedReport() {
        var counts = PublishCounts()
        counts.published(on: "a")
        counts.published(on: "a")
        #expect(counts.next() == .init(byChannel: ["a": 2]))
        counts.published(on: "b")
        counts.accepted()
        #expect(counts.next() == .init(byChannel: ["b": 1]))
    }

    @Test func failedCountsComeBack() {
        var counts = PublishCounts(channelsMax: 2)
        for channel in ["a", "b", "c"] { counts.published(on: channel) }
        #expect(counts.next() == .init(byChannel: ["a": 1, "b": 1], elsewhere: 1))
        for channel in ["c", "a"] { counts.published(on: channel) }
        counts.failed()
        #expect(counts.next() == .init(byChannel: ["a": 2, "b": 1], elsewhere: 2))
    }
}
