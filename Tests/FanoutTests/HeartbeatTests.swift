import Primitives
import SocketLoop
import Testing
import Wire

@testable import Fanout

/// Heartbeats on simulated time: 5 s apart, a tick each 100 ms.
@Suite struct HeartbeatTests {
    private static let interval: UInt64 = 5_000_000_000
    private let sockets = RecordingSockets()
    private let loop: FanoutLoop<RecordingSockets>

    init() { loop = sockets.makeLoop(.init(heartbeatNanoseconds: Self.interval)) }

    /// Attaches so many viewers, whose topic is their number modulo 2.
    private func attach(_ count: Int, from first: Int = 0) {
        for index in first..<first + count {
            let attachment = Attachment(descriptor: Int32(index), topics: [TopicID(index % 2)], opening: [], states: [])
            loop.received(.attach(attachment), sockets: sockets)
        }
    }

    private func heartbeats(of index: Int) -> Int {
        let bytes = sockets.received[socket(index)] ?? []
        let text = String(decoding: bytes, as: UTF8.self)
        return text.split(separator: ":\n\n", omittingEmptySubsequences: false).count - 1
    }

    /// Lets the loop run; each timer is a wake-up.
    @discardableResult
    private func run(for span: UInt64, tick: (_ wakeUps: Int) -> Void = { _ in }) -> Int {
        let end = sockets.now + span
        var wakeUps = 0
        while let next = sockets.timers.map(\.at).min(), next <= end {
            for token in sockets.takeTimers(until: next) { loop.timerFired(token, sockets: sockets) }
            _ = loop.pass(sockets: sockets)
            wakeUps += 1
            tick(wakeUps)
        }
        sockets.now = end
        return wakeUps
    }

    /// Looked at once a second, and only the viewer whose lease has ended goes.
    @Test func leases() {
        let isOver = Mutex(false)
        var attachment = Attachment(descriptor: 0, topics: [0], opening: [], states: [])
        attachment.lease = ViewerLease { isOver.withLock { $0 } ? "token_expired" : nil }
        loop.received(.attach(attachment), sockets: sockets)
        attach(1, from: 2)
        run(for: 3_000_000_000)
        #expect(loop.viewerCount == 2)
        isOver.withLock { $0 = true }
        run(for: 1_100_000_000)
        #expect(loop.viewerCount == 1 && loop.leases.isEmpty)
        let last = String(decoding: sockets.received[socket(0)] ?? [], as: UTF8.self)
        #expect(last.contains("event: reconnect") && last.contains(#"{"reason":"token_expired"}"#))
        #expect(!String(decoding: sockets.received[socket(2)] ?? [], as: UTF8.self).contains("reconnect"))
    }

    private func comment(to topic: TopicID) {
        loop.append(log(1), to: topic)
        while loop.pass(sockets: sockets) {}
    }

    /// Ten wake-ups a second, however many viewers there are, and each tick has its share of them.
    @Test func oneTickServesAllThatAreDue() {
        attach(5_000)
        var most = 0
        var before = 0
        let wakeUps = run(for: 2 * Self.interval) { _ in
            let sent = (0..<5_000).reduce(0) { $0 + heartbeats(of: $1) }
            most = max(most, sent - before)
            before = sent
        }
        #expect(wakeUps == 100)
        #expect((0..<5_000).allSatisfy { (1...3).contains(heartbeats(of: $0)) })
        // 5,000 in 50 ticks are 100 a tick; all of them at once would be 5,000.
        #expect(most <= 150)
    }

    @Test func anIdleViewerGetsOneInEveryInterval() {
        attach(100)
        run(for: Self.interval)
        let before = (0..<100).map { heartbeats(of: $0) }
        run(for: 10 * Self.interval)
        for index in 0..<100 { #expect((10...11).contains(heartbeats(of: index) - before[index])) }
    }

    /// Data every second is sign of life enough; a viewer of another channel gets its heartbeats.
    @Test func noneForViewersThatGotDataSince() {
        attach(200)
        comment(to: 0)
        for _ in 0..<20 {
            run(for: 1_000_000_000)
            comment(to: 0)
        }
        for index in stride(from: 0, to: 200, by: 2) { #expect(heartbeats(of: index) == 0) }
        for index in stride(from: 1, to: 200, by: 2) { #expect(heartbeats(of: index) >= 3) }
    }

    /// From the last byte to the next one it is never longer than the interval, and the tick in which it is seen.
    @Test func afterDataTheNextOneComesWithinAnInterval() {
        attach(200)
        run(for: 1_230_000_000)
        comment(to: 0)
        let before = (0..<200).map { heartbeats(of: $0) }
        run(for: Self.interval / 2)
        for index in stride(from: 0, to: 200, by: 2) { #expect(heartbeats(of: index) == before[index]) }
        run(for: Self.interval / 2 + 100_000_000)
        for index in stride(from: 0, to: 200, by: 2) { #expect(heartbeats(of: index) == before[index] + 1) }
    }

    @Test func withoutViewersThereAreNoTicks() {
        #expect(sockets.timers.isEmpty)
        attach(2)
        for index: UInt32 in 0..<2 {
            loop.socketClosed(socket(index), tag: index, reason: .peerClosed, sockets: sockets)
        }
        #expect(run(for: Self.interval) == 1, "the tick that was set already")
        #expect(sockets.timers.isEmpty)
        // Numbers are used again; whoever has one now gets its own heartbeats.
        sockets.now += 50 * Self.interval
        attach(2, from: 10)
        run(for: 3 * Self.interval)
        for index in 10..<12 { #expect((2...4).contains(heartbeats(of: index))) }
        #expect((0..<2).allSatisfy { heartbeats(of: $0) == 0 })
    }

    @Test func afterAPauseEverybodyIsVisitedOnce() {
        attach(300)
        sockets.now += 20 * Self.interval
        for token in sockets.takeTimers(until: sockets.now) { loop.timerFired(token, sockets: sockets) }
        for index in 0..<300 { #expect(heartbeats(of: index) == 1) }
    }

    @Test func noneForAViewerWhoseSocketIsFull() {
        attach(1)
        sockets.isFull = true
        comment(to: 0)
        run(for: 10 * Self.interval)
        #expect(heartbeats(of: 0) == 0)
    }

    @Test func aRecoveringViewerThatTakesNothingIsDisconnected() {
        var attachment = Attachment(descriptor: 0, topics: [0], opening: [], states: [])
        attachment.recovery = 7
        loop.received(.attach(attachment), sockets: sockets)
        sockets.isFull = true
        let missed = MissedFrames(
            history: .init(number: 1, bytes: 1), log: Array(repeating: log(1), count: 30_000)[...])
        loop.received(.recover(7, missed, RecoveryCursor(reached: at(1), attachedAt: at(1))), sockets: sockets)
        run(for: Self.interval - 100_000_000)
        #expect(sockets.report.departures == [])
        run(for: Self.interval / 4 + 200_000_000)
        #expect(sockets.report.departures == [.init(topics: [0], reason: .slowConsumer)])
    }

    @Test func aDrainedViewerGetsNoMore() {
        attach(10)
        loop.received(.drain(seconds: 1, retryMillisecondsMax: 5), sockets: sockets)
        run(for: 1_100_000_000)
        #expect(sockets.report.departures.count == 10)
        let before = (0..<10).map { heartbeats(of: $0) }
        run(for: 3 * Self.interval)
        #expect((0..<10).map { heartbeats(of: $0) } == before)
        #expect(sockets.timers.isEmpty)
    }
}
