import SocketLoop
import Testing
import Wire

@testable import Fanout

/// Random interleavings of everything that can happen to a loop, against a model of ten lines.
@Suite struct LoopHubPropertyTests {
    @Test(arguments: 0..<200)
    func everyViewerGetsExactlyWhatItIsOwed(seed: UInt64) throws {
        var run = PropertyRun(seed: seed)
        for _ in 0..<400 { run.step() }
        run.finish()
        for (viewer, expected) in run.model.viewers {
            let socket = try #require(run.sockets[viewer])
            #expect(
                String(decoding: run.writer.body(of: socket), as: UTF8.self)
                    == String(decoding: expected.owed, as: UTF8.self), "seed \(seed), viewer \(viewer)")
        }
    }
}

private struct PropertyRun {
    var generator: SeededGenerator
    let hub: LoopHub<RecordingWriter>
    let writer = RecordingWriter()
    var model = HubModel()
    var sockets: [ViewerID: SocketHandle] = [:]
    /// Where its topic stood when a viewer came.
    var joined: [ViewerID: UInt64] = [:]
    var offsets: [UInt64] = [0, 0, 0]
    var nextSocket: UInt32 = 0
    var now: UInt64 = 1

    init(seed: UInt64) {
        generator = SeededGenerator(state: seed)
        hub = LoopHub(settings: .init(writesPerSlice: Int.random(in: 1...5, using: &generator)))
    }

    mutating func step() {
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<15: attach(holding: false)
        case 15..<20: attach(holding: true)
        case 20..<30: detach()
        case 30..<36: release()
        case 36..<70: append()
        default: work()
        }
    }

    private mutating func attach(holding: Bool) {
        let topic = TopicID.random(in: 0...2, using: &generator)
        let socket = SocketHandle(index: nextSocket, generation: 0)
        nextSocket += 1
        let viewer = hub.attach(socket, topics: [topic], holding: holding)
        sockets[viewer] = socket
        joined[viewer] = offsets[Int(topic)]
        model.viewers[viewer] = .init(topic: topic, held: holding ? [] : nil)
    }

    private mutating func detach() {
        guard let viewer = model.viewers.keys.sorted().randomElement(using: &generator) else { return }
        guard let topic = model.viewers[viewer]?.topic else { return }
        #expect(hub.detach(viewer) == [topic])
        model.viewers[viewer] = nil
    }

    private mutating func release() {
        let holding = model.viewers.filter { $0.value.held != nil }.keys.sorted()
        guard let viewer = holding.randomElement(using: &generator) else { return }
        guard let topic = model.viewers[viewer]?.topic else { return }
        // The history may end before the stream's present place, or beyond it.
        let reached = UInt64.random(in: 0...offsets[Int(topic)] + 5, using: &generator)
        let history = [Frame(Array("history to \(reached)\n\n".utf8), kind: .log(at(reached)))]
        model.release(viewer, history: history, through: reached)
        let rejoin = Rejoin(reached: at(reached), joinedAt: at(joined[viewer, default: 0]))
        hub.release(viewer, history: history, rejoin: rejoin, writer: writer)
    }

    private func at(_ offset: UInt64) -> Position { Position(offset: offset, epoch: "e") }

    private mutating func append() {
        let topic = TopicID.random(in: 0...2, using: &generator)
        offsets[Int(topic)] += 1
        let offset = offsets[Int(topic)]
        let frame = Frame(Array("id: \(offset).e\ndata: \(topic)\n\n".utf8), kind: .log(at(offset)))
        model.append(frame, to: topic)
        hub.append(frame, to: topic)
    }

    private mutating func work() {
        now += 1
        _ = hub.work(now: now, writer: writer)
    }

    mutating func finish() {
        while hub.work(now: now, writer: writer) != .none {}
        #expect(hub.pendingBytes == 0)
    }
}
