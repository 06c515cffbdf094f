import Audience
import Glibc
import NIOCore
import Placement
import RedisNIO
import Testbed

/// A command as it goes over the wire.
enum RawCommand {
    static func bytes(_ command: RedisCommand) -> [UInt8] {
        var buffer = ByteBuffer()
        command.encode(into: &buffer)
        return Array(buffer.readableBytesView)
    }
}

/// Publishes as fast as Redis takes it: commands that were encoded before, pipelined over a few connections.
///
/// A subscriber that falls behind holds it up: what Redis could only do by letting its buffers grow, it does not sustain.
struct BurstPublisher: Sendable {
    struct Outcome: Equatable, Sendable {
        var publishes = 0
        /// From the first command to the last reply.
        var seconds = 0.0
        /// The sum of what Redis answered: subscribers of each publish.
        var redisDeliveries = 0
        /// Commands that were sent, by their place in the sequence.
        var rounds = 0
        var rest = 0
        /// Times that a subscriber was waited for.
        var waits = 0
    }

    /// The channels that are published to, in turn and then from the start.
    let channels: [Int]
    /// Bytes that one pass over ``channels`` makes Redis send.
    private let commands: [UInt8]
    private let ends: [Int]
    private let pushBytes: [Int]

    /// Different publishes before they repeat.
    static let sequenceLength = 32_768
    /// One command in flight on one connection would measure the way there and back.
    static let window = 256
    static let connections = 4
    /// Bytes that may be on their way to the subscribers.
    static let lagBytesMax = 64 << 20

    /// Comments follow viewers: a channel is drawn in proportion to them.
    init(_ layout: ScaleLayout, frames: inout ScaleFrames, length: Int = BurstPublisher.sequenceLength) {
        var draws = Xoshiro256(seed: layout.audience.seed, purpose: "burst")
        let table = AliasTable(weights: layout.audience.viewers.map(Double.init))
        var (channels, commands, ends, pushBytes): ([Int], [UInt8], [Int], [Int]) = ([], [], [], [])
        for _ in 0..<length {
            let channel = table?.draw(using: &draws) ?? 0
            let publish = frames.nextPublish(channel, stamp: 0)
            let name = frames.name(of: channel).utf8.count
            let readers = layout.assignment.parts(ofChannel: channel).count
            channels.append(channel)
            commands += RawCommand.bytes(publish.command)
            ends.append(commands.count)
            pushBytes.append(readers * PushSize.message(channel: name, payload: publish.bytes))
        }
        (self.channels, self.commands, self.ends, self.pushBytes) = (channels, commands, ends, pushBytes)
    }

    /// What the publishes of a burst must have led to.
    func truth(_ outcome: Outcome, in assignment: Assignment) -> ExpectedDeliveries {
        var truth = ExpectedDeliveries(readers: assignment.readers)
        for (index, channel) in channels.enumerated() {
            truth.publish(channel, times: outcome.rounds + (index < outcome.rest ? 1 : 0), in: assignment)
        }
        return truth
    }

    /// Bytes that Redis must have sent to subscribers.
    func pushedBytes(_ outcome: Outcome) -> Int {
        pushBytes.enumerated().reduce(0) { sum, entry in
            sum + entry.element * (outcome.rounds + (entry.offset < outcome.rest ? 1 : 0))
        }
    }

    /// Blocks for about `seconds`.
    ///
    /// - Parameter pushed: bytes that the subscribers have read since the start.
    func run(port: Int, seconds: Double, isCancelled: () -> Bool, pushed: () -> Int) throws -> Outcome {
        var lines: [Line] = []
        for _ in 0..<BurstPublisher.connections { lines.append(try Line(port: port)) }
        var outcome = Outcome()
        var (place, sent, next) = (0, 0, 0)
        let start = ContinuousClock.now
        let end = start + .seconds(seconds)
        while ContinuousClock.now < end, !isCancelled() {
            let line = lines[next]
            next = (next + 1) % lines.count
            outcome.redisDeliveries += try line.takeReplies()
            guard sent - pushed() < BurstPublisher.lagBytesMax else {
                outcome.waits += 1
                usleep(500)
                continue
            }
            let stop = min(place + BurstPublisher.window, channels.count)
            let range = (place == 0 ? 0 : ends[place - 1])..<ends[stop - 1]
            try commands.withUnsafeBytes {
                try line.send(UnsafeRawBufferPointer(rebasing: $0[range]), commands: stop - place)
            }
            for index in place..<stop { sent += pushBytes[index] }
            outcome.publishes += stop - place
            place = stop % channels.count
        }
        for line in lines { outcome.redisDeliveries += try line.takeReplies() }
        outcome.seconds = (ContinuousClock.now - start).seconds
        (outcome.rounds, outcome.rest) = outcome.publishes.quotientAndRemainder(dividingBy: channels.count)
        return outcome
    }

    /// One connection, and what it still owes.
    private final class Line {
        private let connection: RawConnection
        private var owed = 0
        private var number = 0
        private var reply = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)

        init(port: Int) throws(Failure) { connection = try RawConnection(port: port) }
        deinit { reply.deallocate() }

        func send(_ bytes: UnsafeRawBufferPointer, commands: Int) throws(Failure) {
            try connection.write(bytes)
            owed += commands
        }

        /// Waits for all replies; their sum. Each is `:<number>\r\n`.
        func takeReplies() throws(Failure) -> Int {
            var sum = 0
            while owed > 0 {
                let count = try connection.read(into: reply)
                for byte in reply[..<count] {
                    switch byte {
                    case 0x30...0x39: number = number * 10 + Int(byte - 0x30)
                    case UInt8(ascii: "\n"):
                        sum += number
                        number = 0
                        owed -= 1
                    case UInt8(ascii: ":"), UInt8(ascii: "\r"): break
                    default: throw .unavailable("Redis refused a publish")
                    }
                }
            }
            return sum
        }
    }
}
