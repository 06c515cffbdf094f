import Audience
import Foundation
import Placement
import SocketLoop
import Testing
import Wire

@testable import Fanout

/// The model of a Reader's passes (`FanoutModel`) beside the loop itself, in time that only writes take.
struct PassModelTests {
    static let frameBytes = 100

    /// Sockets whose writes take time, and which tell how late each event was.
    final class TimedSockets: ViewerSockets {
        var now: UInt64 = 1_000_000_000
        let writeNanoseconds: Double
        let eventNanoseconds: Double
        /// Of each channel, when its comments came.
        var came: [[UInt64]]
        var channelOf: [Int] = []
        private var next: [Int] = []
        private var fraction = 0.0
        private(set) var writes = 0
        private(set) var latencies: [UInt64] = []

        init(channels: Int, writeNanoseconds: Double, eventNanoseconds: Double) {
            came = Array(repeating: [], count: channels)
            (self.writeNanoseconds, self.eventNanoseconds) = (writeNanoseconds, eventNanoseconds)
        }

        func add(channel: Int) -> SocketHandle {
            channelOf.append(channel)
            next.append(0)
            return SocketHandle(index: UInt32(channelOf.count - 1), generation: 0)
        }

        func send(_ bytes: [UInt8], to socket: SocketHandle) -> Sockets.SendResult {
            let (viewer, events) = (Int(socket.index), bytes.count / PassModelTests.frameBytes)
            fraction += writeNanoseconds + eventNanoseconds * Double(events)
            now += UInt64(fraction)
            fraction -= fraction.rounded(.down)
            writes += 1
            for number in next[viewer]..<(next[viewer] + events) {
                latencies.append(now - came[channelOf[viewer]][number])
            }
            next[viewer] += events
            return .sent
        }

        func adopt(descriptor: Int32, tag: UInt32) -> SocketHandle? { nil }
        func tag(of socket: SocketHandle) -> UInt32? { socket.index }
        func backlogBytes(of socket: SocketHandle) -> Int { 0 }
        func close(_ socket: SocketHandle) {}
        func schedule(_ token: TimerToken, at deadline: UInt64) {}
        func forEach(_ body: (SocketHandle) -> Void) {}
    }

    /// Comments at random times for `seconds`.
    private func run(_ kinds: [FanoutChannels], costs: FanoutCosts, seconds: Double) -> TimedSockets {
        let channels = kinds.flatMap { Array(repeating: $0, count: Int($0.count)) }
        let sockets = TimedSockets(
            channels: channels.count, writeNanoseconds: costs.write * 1e9, eventNanoseconds: costs.event * 1e9)
        let loop = FanoutLoop<TimedSockets>(settings: .init()) { _ in }
        for (index, channel) in channels.enumerated() {
            for _ in 0..<Int(channel.viewers) {
                loop.add(sockets.add(channel: index), topics: [TopicID(index)], sockets)
            }
        }
        var random = Xoshiro256(seed: 7, purpose: "passes")
        let start = sockets.now
        var due: [(at: UInt64, channel: Int)] = []
        for (index, channel) in channels.enumerated() {
            var at = 0.0
            while at < seconds {
                at += -log(1 - Double.random(in: 0..<1, using: &random)) / channel.rate
                due.append((start + UInt64(at * 1e9), index))
            }
        }
        due.sort { $0.at < $1.at }
        let frame = Frame(Array(repeating: 0x78, count: Self.frameBytes), kind: .log(Position(offset: 1, epoch: "e")))
        var next = 0
        var hasWork = false
        while next < due.count || hasWork {
            if !hasWork, next < due.count { sockets.now = max(sockets.now, due[next].at) }
            while next < due.count, due[next].at <= sockets.now {
                sockets.came[due[next].channel].append(due[next].at)
                loop.append(frame, to: TopicID(due[next].channel))
                next += 1
            }
            hasWork = loop.pass(sockets: sockets)
        }
        return sockets
    }

    @Test(arguments: [
        // Few comments, as many as passes, many; one channel.
        [FanoutChannels(count: 1, viewers: 2_000, rate: 5)], [FanoutChannels(count: 1, viewers: 2_000, rate: 100)],
        [FanoutChannels(count: 1, viewers: 2_000, rate: 1_000)], [FanoutChannels(count: 10, viewers: 400, rate: 20)],
        [FanoutChannels(count: 200, viewers: 20, rate: 10)],
        [
            FanoutChannels(count: 1, viewers: 3_000, rate: 30), FanoutChannels(count: 100, viewers: 20, rate: 2),
        ],
    ])
    func passesAndLatenciesAreThoseOfTheLoop(kinds: [FanoutChannels]) throws {
        var costs = FanoutCosts()
        (costs.write, costs.event) = (5e-6, 0.1e-6)
        let sockets = run(kinds, costs: costs, seconds: 6)
        let model = FanoutModel(costs).predict(kinds, connections: 10_000)
        // Of a delivery: how many comments there were is chance.
        let (writes, events) = (model.writesPerSecond / model.deliveriesPerSecond, sockets.latencies.count)
        #expect(
            abs(writes / (Double(sockets.writes) / Double(events)) - 1) < 0.06,
            "\(writes), \(sockets.writes) of \(events)")
        let latencies = sockets.latencies.sorted()
        let p99 = Double(latencies[latencies.count * 99 / 100]) / 1e9
        // By how much a pass differs from the mean one is not in the model: where many channels share a loop it is more.
        #expect((0.45...1.1).contains(model.p99 / p99), "\(model.p99) \(p99)")
    }
}
