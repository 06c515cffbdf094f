import Audience
import Glibc
import NIOCore
import Placement
import Primitives
import RedisNIO
import Testbed

extension RedisCommand {
    /// As it goes over the wire.
    var bytes: [UInt8] {
        var buffer = ByteBuffer()
        encode(into: &buffer)
        return Array(buffer.readableBytesView)
    }
}

/// Publishes as fast as Redis takes it: commands that were encoded before, pipelined over a few connections.
///
/// A subscriber that falls behind holds it up: what Redis could only do by letting its buffers grow, it does not sustain.
struct BurstPublisher: Sendable {
    struct Outcome: Equatable, Sendable {
        /// Publishes to each server.
        var sent: [Int] = []
        /// From the first command to the last reply.
        var seconds = 0.0
        /// The sum of what Redis answered to plain publishes: subscribers of each at its server.
        var redisDeliveries = 0
        /// Times that a subscriber was waited for.
        var waits = 0

        var publishes: Int { sent.reduce(0, +) }
    }

    /// What goes to one server, in turn and then from the start.
    struct Sequence: Sendable {
        var channels: [Int] = []
        fileprivate var commands: [UInt8] = []
        fileprivate var ends: [Int] = []
        /// Bytes that each command makes Redis send.
        fileprivate var pushBytes: [Int] = []

        /// Each place in the sequence, and how often it was sent when so many commands were.
        fileprivate func counts(_ sent: Int) -> [(place: Int, times: Int)] {
            guard !channels.isEmpty else { return [] }
            let (rounds, rest) = sent.quotientAndRemainder(dividingBy: channels.count)
            return channels.indices.map { ($0, rounds + ($0 < rest ? 1 : 0)) }
        }
    }

    /// Of each server.
    let sequences: [Sequence]
    private let servers: BurstServers

    /// Different publishes before they repeat.
    static let sequenceLength = 32_768
    /// One command in flight on one connection would measure the way there and back.
    static let window = 256
    static let connections = 4
    /// Bytes that may be on their way to the subscribers.
    static let lagBytesMax = 64 << 20

    /// Comments follow viewers: a channel is drawn in proportion to them.
    init(
        _ layout: ScaleLayout, _ servers: BurstServers, frames: inout ScaleFrames,
        length: Int = BurstPublisher.sequenceLength
    ) {
        var draws = Xoshiro256(seed: layout.audience.seed, purpose: "burst")
        let table = AliasTable(weights: layout.audience.viewers.map(Double.init))
        var sequences = Array(repeating: Sequence(), count: servers.ports.count)
        let word = servers.words.message
        for _ in 0..<length {
            let channel = table?.draw(using: &draws) ?? 0
            let publish =
                servers.script.map { frames.scriptPublish(channel, digest: $0) }
                ?? frames.nextPublish(channel, stamp: 0, sharded: servers.publishing == .sharded)
            let name = frames.name(of: channel)
            let readers = layout.assignment.parts(ofChannel: channel).count
            let server = servers.server(of: name)
            sequences[server].channels.append(channel)
            sequences[server].commands += publish.command.bytes
            sequences[server].ends.append(sequences[server].commands.count)
            sequences[server].pushBytes.append(
                readers * PushSize.message(word, channel: name.utf8.count, payload: publish.bytes))
        }
        (self.sequences, self.servers) = (sequences, servers)
    }

    /// What the publishes of a burst must have led to.
    func truth(_ outcome: Outcome, in assignment: Assignment) -> ExpectedDeliveries {
        var truth = ExpectedDeliveries(readers: assignment.readers)
        for (sequence, sent) in zip(sequences, outcome.sent) {
            for (place, times) in sequence.counts(sent) {
                truth.publish(sequence.channels[place], times: times, in: assignment)
            }
        }
        return truth
    }

    /// Messages that each server must have sent to subscribers.
    func messages(_ outcome: Outcome, in assignment: Assignment) -> [Int] {
        guard servers.publishing == .sharded else {
            var sums = Array(repeating: 0, count: servers.ports.count)
            for (reader, count) in truth(outcome, in: assignment).messages.enumerated() {
                sums[reader % sums.count] += count
            }
            return sums
        }
        return zip(sequences, outcome.sent).map { sequence, sent in
            sequence.counts(sent).reduce(0) { sum, entry in
                sum + entry.times * assignment.parts(ofChannel: sequence.channels[entry.place]).count
            }
        }
    }

    /// Bytes that Redis must have sent to subscribers.
    func pushedBytes(_ outcome: Outcome, in assignment: Assignment) -> Int {
        var (bytes, events) = (0, [Int: Int]())
        for (sequence, sent) in zip(sequences, outcome.sent) {
            for (place, times) in sequence.counts(sent) {
                bytes += sequence.pushBytes[place] * times
                events[sequence.channels[place], default: 0] += times
            }
        }
        // Frames that were made before have the same offset each time.
        guard servers.script != nil else { return bytes }
        return events.reduce(bytes) { sum, entry in
            let readers = assignment.parts(ofChannel: entry.key).count
            return sum + readers * ScaleFrames.moreDigits(events: entry.value)
        }
    }

    /// Blocks for about `seconds`.
    ///
    /// - Parameter pushed: bytes that the subscribers have read since the start.
    func run(seconds: Double, isCancelled: () -> Bool, pushed: () -> Int) throws -> Outcome {
        var lines: [[Line]] = []
        for port in servers.ports {
            var own: [Line] = []
            for _ in 0..<BurstPublisher.connections { own.append(try Line(port: port)) }
            lines.append(own)
        }
        var outcome = Outcome(sent: sequences.map { _ in 0 })
        // Of each pass every server gets the same part at a time, a window in the mean.
        let all = sequences.reduce(0) { $0 + $1.channels.count }
        let steps = max(1, all / (BurstPublisher.window * servers.ports.count))
        var (step, bytes, next) = (0, 0, 0)
        let start = ContinuousClock.now
        let end = start + .seconds(seconds)
        while ContinuousClock.now < end, !isCancelled() {
            for own in lines { outcome.redisDeliveries += try own[next].takeReplies() }
            guard bytes - pushed() < BurstPublisher.lagBytesMax else {
                outcome.waits += 1
                usleep(500)
                continue
            }
            for (server, sequence) in sequences.enumerated() {
                let count = sequence.channels.count
                let range = step * count / steps..<(step + 1) * count / steps
                guard let last = range.last else { continue }
                let first = range.lowerBound == 0 ? 0 : sequence.ends[range.lowerBound - 1]
                try sequence.commands.withUnsafeBytes {
                    try lines[server][next].send(
                        UnsafeRawBufferPointer(rebasing: $0[first..<sequence.ends[last]]), commands: range.count)
                }
                for place in range { bytes += sequence.pushBytes[place] }
                outcome.sent[server] += range.count
            }
            step = (step + 1) % steps
            next = (next + 1) % BurstPublisher.connections
        }
        for line in lines.joined() { outcome.redisDeliveries += try line.takeReplies() }
        outcome.seconds = (ContinuousClock.now - start).seconds
        return outcome
    }

    /// One connection, and what it still owes.
    private final class Line {
        private let connection: RawConnection
        private var owed = 0
        private var number = 0
        /// What the reply under way is: a number, or a position behind its length.
        private var state = State.start
        private enum State { case start, number, length, position }
        private var reply = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)

        init(port: Int) throws(Failure) { connection = try RawConnection(port: port) }
        deinit { reply.deallocate() }

        func send(_ bytes: UnsafeRawBufferPointer, commands: Int) throws(Failure) {
            try connection.write(bytes)
            owed += commands
        }

        /// Waits for all replies; the sum of those that are numbers. A script answers a position.
        func takeReplies() throws(Failure) -> Int {
            var sum = 0
            while owed > 0 {
                let count = try connection.read(into: reply)
                for byte in reply[..<count] {
                    switch (state, byte) {
                    case (.start, UInt8(ascii: ":")): (state, number) = (.number, 0)
                    case (.start, UInt8(ascii: "$")): state = .length
                    case (.number, 0x30...0x39): number = number * 10 + Int(byte - 0x30)
                    case (.number, UInt8(ascii: "\n")), (.position, UInt8(ascii: "\n")):
                        if state == .number { sum += number }
                        state = .start
                        owed -= 1
                    case (.length, UInt8(ascii: "\n")): state = .position
                    case (.start, _): throw .unavailable("Redis refused a publish")
                    default: break
                    }
                }
            }
            return sum
        }
    }
}
