internal import DequeModule
internal import SocketIO

/// Events that one viewer of a channel has got already, and what they are on an event stream. All viewers of a channel
/// get the same bytes: the others only compare, so that a crowd on Socket.IO costs the generator little more than one on
/// streams.
struct KnownPackets {
    private struct Packet {
        let bytes: [UInt8]
        let frames: [UInt8]
    }

    private struct Log {
        /// The number of the first one that is kept.
        var first = 0
        var packets: Deque<Packet> = []
        var end: Int { first + packets.count }
    }

    /// Packets of a channel that are kept.
    static let packetsMax = 512
    /// Bytes of all of them.
    static let bytesMax = 32 << 20
    /// How far back a viewer is looked for who lost its place.
    private static let searched = 64

    private var indices: [String: Int] = [:]
    private var logs: [Log] = []
    private(set) var bytes = 0

    /// The number of a channel's log.
    mutating func log(of videoid: String) -> Int {
        if let index = indices[videoid] { return index }
        indices[videoid] = logs.count
        logs.append(Log())
        return logs.count - 1
    }

    /// The number behind the last event that came.
    func end(of log: Int) -> Int { logs[log].end }

    /// Takes the events that are known from `place` on, whole frames only, and appends what they are to `frames`. Returns
    /// how many bytes those were.
    func take(_ bytes: UnsafeRawBufferPointer, _ log: Int, _ place: inout Int, _ frames: inout [UInt8]) -> Int {
        let log = logs[log]
        var cursor = 0
        while place >= log.first, place < log.end {
            let packet = log.packets[place - log.first]
            let end = cursor + packet.bytes.count
            guard end <= bytes.count, packet.bytes.withUnsafeBytes({ $0.isEqual(to: bytes.part(cursor..<end)) }) else {
                break
            }
            frames += packet.frames
            cursor = end
            place += 1
        }
        return cursor
    }

    /// An event that a viewer at `place` had to read itself. Where it is known, the viewer goes on behind it; a viewer who
    /// has got everything makes it known.
    mutating func note(_ text: [UInt8], _ frames: [UInt8], _ log: Int, _ place: inout Int) {
        let packet = WebSocketFrame.text(text)
        let start = max(logs[log].first, logs[log].end - Self.searched)
        for number in (start..<logs[log].end).reversed()
        where logs[log].packets[number - logs[log].first].bytes == packet {
            place = number + 1
            return
        }
        guard place == logs[log].end else { return place = logs[log].end }
        if bytes + packet.count + frames.count > Self.bytesMax { forgetAll() }
        if logs[log].packets.count == Self.packetsMax { dropFirst(of: log) }
        logs[log].packets.append(Packet(bytes: packet, frames: frames))
        bytes += packet.count + frames.count
        place = logs[log].end
    }

    private mutating func dropFirst(of log: Int) {
        let packet = logs[log].packets.removeFirst()
        bytes -= packet.bytes.count + packet.frames.count
        logs[log].first += 1
    }

    private mutating func forgetAll() {
        for log in logs.indices {
            logs[log].first = logs[log].end
            logs[log].packets = []
        }
        bytes = 0
    }
}
