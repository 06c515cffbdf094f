import Placement
import Testing
import Wire

@testable import SimClient

/// Streams of several viewers of one channel, cut at random, against the plain parser.
@Suite struct RandomStreamTests {
    /// What the standard's parser sees in a stream: ids of comments, and names of other events.
    private static func expected(_ payload: [UInt8]) throws -> [String] {
        var parser = EventStreamParser()
        return try parser.feed(payload).map { event in
            event.name == "message" && !event.data.contains("connected") ? event.id : event.name
        }
    }

    private static func seen(_ events: [StreamEvent], _ log: ChannelLog) -> [String] {
        events.flatMap { event -> [String] in
            switch event {
            case .comments(let run, let epoch): run.map { "\($0).\(log.epochs[epoch])" }
            case .connected: ["message"]
            case .gap: ["gap"]
            case .state: ["likes"]
            case .reconnect: ["reconnect"]
            case .altered(let offset): ["altered \(offset)"]
            case .heartbeat, .unlogged: []
            case .foreign: ["foreign"]
            }
        }
    }

    /// A stream with the faults that a Reader could make.
    private static func makePayload(_ draws: inout Xoshiro256) -> [UInt8] {
        var payload = makeConnected(at: Position(offset: 0, epoch: "a"))
        var offset: UInt64 = 1
        var epoch = "a"
        for _ in 0..<(20 + draws.below(60)) {
            switch draws.below(40) {
            case 0: payload += EventStream.heartbeat
            case 1: payload += makeEvent("likes", #"{"count":1}"#)
            case 2: offset += UInt64(draws.below(3))
            case 3: offset -= min(offset - 1, UInt64(draws.below(3)))
            case 4:
                offset += 5
                payload += makeEvent("gap", "{}", id: Position(offset: offset - 1, epoch: epoch))
            case 5 where epoch == "a":
                epoch = "b"
                offset = 1
            default:
                payload += makeFrame(offset, epoch: epoch, filler: Int(offset % 7) * 20)
                offset += 1
            }
        }
        return payload
    }

    private static func makeWire(_ payload: [UInt8], _ draws: inout Xoshiro256) -> [UInt8] {
        var wire = responseHead
        var rest = payload[...]
        while !rest.isEmpty {
            let count = min(rest.count, 1 + draws.below(draws.below(2) == 0 ? 40 : 2000))
            wire += chunk(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return wire
    }

    @Test(arguments: 1...60) func agreesWithTheParser(seed: Int) throws {
        var draws = Xoshiro256(seed: UInt64(seed))
        // A small log drops and restarts all the time; a large one never.
        var log = ChannelLog(bytesMax: draws.below(2) == 0 ? 2000 : 1 << 20)
        let shared = Self.makePayload(&draws)
        let payloads = (0..<5).map { _ in draws.below(4) == 0 ? Self.makePayload(&draws) : shared }
        var wires = payloads.map { Self.makeWire($0, &draws)[...] }
        var samples = payloads.map { _ in StreamSample() }
        while wires.contains(where: { !$0.isEmpty }) {
            let viewer = draws.below(wires.count)
            let count = min(wires[viewer].count, 1 + draws.below(draws.below(2) == 0 ? 10 : 3000))
            try samples[viewer].receive(Array(wires[viewer].prefix(count)), log: &log)
            wires[viewer] = wires[viewer].dropFirst(count)
            if log.wantsRestart || log.isFull {
                let start = log.wantsRestart ? log.end + 1 : log.startAfterDrop
                for index in samples.indices { samples[index].cursor.leave(before: start, of: log) }
                if log.wantsRestart { log.restart() } else { log.dropOldest() }
            }
        }
        for viewer in samples.indices {
            let seen = Self.seen(samples[viewer].events, log)
            #expect(try seen == Self.expected(payloads[viewer]), "seed \(seed), viewer \(viewer)")
        }
    }
}
