import Audience
import Placement
import Primitives
import RedisNIO

/// Comments as Redis carries them: the complete frame that the service publishes, with the next offset of its channel.
///
/// Where placements are compared they go out by a plain PUBLISH, without the history that the service appends in the
/// same step: that costs the same under every placement. Where numbers of nodes are compared they go out by the
/// service's own script.
struct ScaleFrames: Sendable {
    private let names: [String]
    private var offsets: [UInt32]

    /// Every frame has about this many bytes: the comments of `docs/BENCHMARKS.md`.
    static let bytesWanted = 200
    private static let padding = String(repeating: "x", count: bytesWanted)

    init(_ audience: Audience) {
        names = audience.channelNames
        offsets = Array(repeating: 0, count: audience.channels)
    }

    func name(of channel: Int) -> String { names[channel] }

    /// In front of the time in a frame, which has ``stampDigits`` digits.
    private static let beforeStamp = Array("{\"userid\":\"".utf8)
    private static let stampDigits = 16

    /// The times in a chunk of frames, in their order.
    static func stamps(in chunk: [UInt8]) -> [Int64] {
        var (stamps, place) = ([Int64](), 0)
        while place + beforeStamp.count + stampDigits <= chunk.count {
            guard chunk[place] == beforeStamp[0], chunk[place..<(place + beforeStamp.count)].elementsEqual(beforeStamp)
            else {
                place += 1
                continue
            }
            place += beforeStamp.count
            stamps.append(chunk[place..<(place + stampDigits)].reduce(0) { $0 * 10 + Int64($1 &- 0x30) })
            place += stampDigits
        }
        return stamps
    }

    /// The next frame of a channel; the time of `stamp` stands where a comment has its writer.
    mutating func next(_ channel: Int, stamp: Int64) -> [UInt8] {
        offsets[channel] += 1
        let head = ScaleFrames.head(offsets[channel], epoch: "scale")
        return Array(head.utf8) + payload(channel, stamp: stamp, head: head.utf8.count)
    }

    /// Before the payload.
    private static func head(_ offset: UInt32, epoch: String) -> String { "id: \(offset).\(epoch)\n" }

    private func payload(_ channel: Int, stamp: Int64, head: Int) -> [UInt8] {
        let digits = String(stamp)
        let time = String(repeating: "0", count: max(0, ScaleFrames.stampDigits - digits.utf8.count)) + digits
        let start = "data: {\"userid\":\"\(time)\",\"videoid\":\""
        let rest = "\",\"timestamp\":\"2026-01-01T00:00:00.000Z\"}\n\n"
        let video = names[channel].dropFirst("video:".count)
        let used = head + start.utf8.count + rest.utf8.count + video.utf8.count + 13
        let text = ScaleFrames.padding.prefix(max(8, ScaleFrames.bytesWanted - used))
        return Array("\(start)\(video)\",\"comment\":\"\(text)\(rest)".utf8)
    }

    /// The next publish of a channel, and the bytes of its frame.
    mutating func nextPublish(
        _ channel: Int, stamp: Int64, sharded: Bool = false
    ) -> (command: RedisCommand, bytes: Int) {
        let frame = next(channel, stamp: stamp)
        var command = RedisCommand(sharded ? "SPUBLISH" : "PUBLISH", names[channel])
        command.append(frame)
        return (command, frame.count)
    }

    /// The epoch that the script gives every channel.
    private static let epoch = "scale0"

    /// A call of the service's publish script, and the bytes of the frame that it makes of a channel's first event: as a
    /// service sends it that has published to the channel before.
    func scriptPublish(_ channel: Int, digest: String) -> (command: RedisCommand, bytes: Int) {
        let head = ScaleFrames.head(1, epoch: ScaleFrames.epoch).utf8.count
        let payload = payload(channel, stamp: 0, head: head)
        var command = RedisCommand("EVALSHA", digest, "1", "position:{\(names[channel])}")
        command.append(payload)
        command.append(names[channel])
        command.append(ScaleFrames.epoch)
        command.append("1.\(ScaleFrames.epoch)")
        return (command, head + payload.count)
    }

    /// Digits by which the offsets of so many events of a channel are longer than one.
    static func moreDigits(events: Int) -> Int {
        var (sum, least) = (0, 10)
        while least <= events {
            sum += events - least + 1
            least *= 10
        }
        return sum
    }
}

/// Sizes of what Redis sends to subscribers (RESP2): so that every byte can be accounted for without reading it.
enum PushSize {
    /// `*3 message <channel> <payload>`.
    static func message(_ word: String = "message", channel: Int, payload: Int) -> Int {
        4 + bulk(word.utf8.count) + bulk(channel) + bulk(payload)
    }

    /// `*3 subscribe <channel> <number>`: the acknowledgement of the connection's `number`-th subscription.
    static func acknowledgement(_ word: String = "subscribe", channel: Int, number: Int) -> Int {
        4 + bulk(word.utf8.count) + bulk(channel) + 1 + digits(number) + 2
    }

    private static func bulk(_ count: Int) -> Int { 1 + digits(count) + 2 + count + 2 }

    static func digits(_ number: Int) -> Int {
        var (count, rest) = (1, number / 10)
        while rest > 0 {
            count += 1
            rest /= 10
        }
        return count
    }
}
