import Broker
import Placement
import SocketLoop
import Testing
import Wire

@testable import Fanout

@Suite struct FanoutLoopTests {
    private let sockets = RecordingSockets()

    @Test func waitingFramesGoOutInOneWrite() {
        let loop = sockets.makeLoop()
        loop.add(socket(0), topics: [7], sockets)
        for offset in 1...40 { loop.append(log(UInt64(offset), bytes: 10), to: 7) }
        #expect(!loop.pass(sockets: sockets))
        #expect(sockets.report == LoopReport(events: 40, messages: 40, writes: 1))
        #expect(sockets.body(of: socket(0)).count == 400)
    }

    /// A round is over when its last viewer was written to; its time is that of its oldest comment.
    @Test func theEndOfARoundIsReportedWithItsOldestComment() {
        let loop = sockets.makeLoop(.init(writesPerSlice: 2))
        for index in 0..<5 { loop.add(socket(index), topics: [0], sockets) }
        for (offset, received) in [(1, 10), (2, 20)] as [(UInt64, UInt64)] {
            var frame = log(offset)
            frame.times = MessageTimes(received: received, published: received - 5)
            loop.append(frame, to: 0)
        }
        #expect(loop.pass(sockets: sockets))
        #expect(sockets.report.rounds.isEmpty)
        while loop.pass(sockets: sockets) {}
        #expect(sockets.report.rounds == [MessageTimes(received: 10, published: 5)])
        // What is not new, a repaired history for instance, is not measured.
        loop.append(log(3), to: 0)
        while loop.pass(sockets: sockets) {}
        #expect(sockets.report.rounds.count == 1)
    }

    @Test func betweenTwoRoundsOnlyTheNewestStateIsKept() {
        let loop = sockets.makeLoop()
        loop.add(socket(0), topics: [1], sockets)
        for value in 1...5 { loop.append(state("likes", value), to: 1) }
        loop.append(state("viewers", 9), to: 1)
        while loop.pass(sockets: sockets) {}
        #expect(sockets.text(of: socket(0)) == "event: likes\ndata: 5\n\nevent: viewers\ndata: 9\n\n")
        #expect(sockets.report.conflated == 4)
        #expect(loop.topic(1).latestStates.count == 2)
    }

    @Test func aGiantIsCutIntoSlicesAndASmallTopicDoesNotWaitForItsEnd() {
        let loop = sockets.makeLoop(.init(writesPerSlice: 100))
        for index in 0..<1000 { loop.add(socket(index), topics: [0], sockets) }
        loop.add(socket(5000), topics: [1], sockets)
        loop.append(log(1, bytes: 10), to: 0)
        #expect(loop.pass(sockets: sockets))
        loop.append(log(1, bytes: 10), to: 1)
        #expect(loop.pass(sockets: sockets))
        #expect(loop.pass(sockets: sockets))
        #expect(!sockets.body(of: socket(5000)).isEmpty)
        #expect(sockets.received.count < 400)
    }

    @Test func aViewerThatLeavesInTheMiddleOfARoundCostsNobodyAFrame() {
        let loop = sockets.makeLoop(.init(writesPerSlice: 3))
        let viewers = (0..<10).map { loop.add(socket($0), topics: [0], sockets) }
        loop.append(log(1, bytes: 10), to: 0)
        _ = loop.pass(sockets: sockets)
        for viewer in [viewers[1], viewers[4], viewers[9]] { _ = loop.remove(viewer) }
        while loop.pass(sockets: sockets) {}
        for index in [0, 2, 3, 5, 6, 7, 8] {
            #expect(sockets.body(of: socket(index)).count == 10, "viewer \(index)")
        }
    }

    @Test func theFlushIntervalKeepsRoundsApart() {
        let loop = sockets.makeLoop(.init(flushIntervalNanoseconds: 100))
        loop.add(socket(0), topics: [0], sockets)
        loop.append(log(1, bytes: 10), to: 0)
        sockets.now = 1000
        #expect(!loop.pass(sockets: sockets))
        loop.append(log(2, bytes: 10), to: 0)
        sockets.now = 1050
        #expect(!loop.pass(sockets: sockets))
        #expect(sockets.timers.last?.at == 1100)
        loop.append(log(3, bytes: 10), to: 0)
        for token in sockets.takeTimers(until: 1100) { loop.timerFired(token, sockets: sockets) }
        #expect(!loop.pass(sockets: sockets))
        #expect(sockets.report == LoopReport(events: 3, messages: 3, writes: 2))
    }

    @Test func tooMuchRetainedForARecoveringViewerDisconnectsIt() {
        let loop = sockets.makeLoop(.init(retainedBytesMax: 100))
        let viewer = loop.add(socket(0), topics: [0], isRecovering: true, sockets)
        for offset in 1...10 { loop.append(log(UInt64(offset), bytes: 10), to: 0) }
        #expect(loop.lostViewers(of: 0).isEmpty)
        loop.append(log(11, bytes: 10), to: 0)
        #expect(loop.lostViewers(of: 0) == [viewer])
    }

    @Test func aPageOfPhotosIsFollowedOnOneConnection() {
        let loop = sockets.makeLoop()
        let viewer = loop.add(socket(0), topics: [3, 4, 5], sockets)
        loop.append(state("likes", 1), to: 4)
        loop.append(state("likes", 2), to: 5)
        while loop.pass(sockets: sockets) {}
        #expect(sockets.report.events == 2 && sockets.report.messages == 0)
        #expect(loop.remove(viewer) == [3, 4, 5] && loop.viewerCount == 0)
    }
}

/// Random interleavings of everything that can happen to a loop, against a model of ten lines.
@Suite struct FanoutLoopPropertyTests {
    @Test(arguments: 0..<200)
    func everyViewerGetsExactlyWhatItIsOwed(seed: UInt64) throws {
        var run = PropertyRun(seed: seed)
        for _ in 0..<400 { run.step() }
        run.finish()
        for (viewer, expected) in run.model.viewers {
            let socket = try #require(run.sockets[viewer])
            let owed = String(decoding: expected.owed, as: UTF8.self)
            #expect(run.table.text(of: socket) == owed, "seed \(seed), viewer \(viewer)")
        }
    }
}

private struct PropertyRun {
    var generator: SplitMix64
    let loop: FanoutLoop<RecordingSockets>
    let table = RecordingSockets()
    var model = LoopModel()
    var sockets: [ViewerID: SocketHandle] = [:]
    /// Where its topic stood when a viewer came.
    var joined: [ViewerID: UInt64] = [:]
    var offsets: [UInt64] = [0, 0, 0]
    var nextSocket: UInt32 = 0

    init(seed: UInt64) {
        generator = SplitMix64(seed: seed)
        let settings = FanoutLoopSettings(
            writesPerSlice: Int.random(in: 1...5, using: &generator),
            pieceBytes: [1, 30, 1000][Int.random(in: 0..<3, using: &generator)])
        loop = table.makeLoop(settings)
    }

    mutating func step() {
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<15: attach(isRecovering: false)
        case 15..<20: attach(isRecovering: true)
        case 20..<30: detach()
        case 30..<36: release()
        case 36..<66: append()
        case 66..<69: table.isFull.toggle()
        case 69..<75: drain()
        default: work()
        }
    }

    private mutating func attach(isRecovering: Bool) {
        let topic = TopicID.random(in: 0...2, using: &generator)
        let socket = SocketHandle(index: nextSocket, generation: 0)
        nextSocket += 1
        let viewer = loop.add(socket, topics: [topic], isRecovering: isRecovering, table)
        sockets[viewer] = socket
        joined[viewer] = offsets[Int(topic)]
        model.viewers[viewer] = .init(topic: topic, held: isRecovering ? [] : nil)
    }

    private mutating func detach() {
        guard let viewer = model.viewers.keys.sorted().randomElement(using: &generator) else { return }
        guard let topic = model.viewers[viewer]?.topic else { return }
        #expect(loop.remove(viewer) == [topic])
        model.viewers[viewer] = nil
    }

    private mutating func release() {
        let holding = model.viewers.filter { $0.value.held != nil }.keys.sorted()
        guard let viewer = holding.randomElement(using: &generator) else { return }
        guard let topic = model.viewers[viewer]?.topic else { return }
        // The history may end before the stream's present place, or beyond it.
        let reached = UInt64.random(in: 0...offsets[Int(topic)] + 5, using: &generator)
        let history = (1...3).map { Frame(Array("history \($0) to \(reached)\n\n".utf8), kind: .log(at(reached))) }
        model.release(viewer, history: history, through: reached)
        let cursor = RecoveryCursor(reached: at(reached), attachedAt: at(joined[viewer, default: 0]))
        let missed = MissedFrames(
            history: .init(number: table.now, bytes: 1), opening: history[..<1], log: history[1...])
        loop.recover(viewer, missed, cursor, table)
    }

    private mutating func drain() {
        let full = sockets.filter { table.waiting.contains($0.value) && model.viewers[$0.key] != nil }.keys.sorted()
        guard let viewer = full.randomElement(using: &generator), let socket = sockets[viewer] else { return }
        #expect(table.drain(socket))
        loop.feed(viewer, table)
    }

    private mutating func append() {
        let topic = TopicID.random(in: 0...2, using: &generator)
        offsets[Int(topic)] += 1
        let offset = offsets[Int(topic)]
        let frame = Frame(Array("id: \(offset).e\ndata: \(topic)\n\n".utf8), kind: .log(at(offset)))
        model.append(frame, to: topic)
        loop.append(frame, to: topic)
    }

    private mutating func work() {
        table.now += 1
        _ = loop.pass(sockets: table)
    }

    mutating func finish() {
        table.isFull = false
        while !table.waiting.isDisjoint(with: model.viewers.keys.compactMap { sockets[$0] }) { drain() }
        while loop.pass(sockets: table) {}
        #expect(loop.heldWeight == 0)
    }
}
