import Placement
import SocketLoop
import Testing
import Wire

@testable import Fanout

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
