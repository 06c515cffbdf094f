internal import SocketIO

/// Events that one viewer of a channel has got already, and what they are on an event stream. All viewers of a channel
/// get the same bytes: the others only compare, however many events the bytes hold, so that a crowd on Socket.IO costs the
/// generator little more than one on streams.
struct KnownPackets {
    /// The newest events of one channel.
    private struct Log {
        /// Places in ``packets`` and ``frames``.
        struct Ends {
            var packets = 0
            var frames = 0
        }

        /// The number of the first one that is kept.
        var first = 0
        /// Frames of a WebSocket, one behind the other, and those of an event stream.
        var packets: [UInt8] = []
        var frames: [UInt8] = []
        /// Behind each event.
        var ends: [Ends] = []

        /// Behind the last event.
        var end: Int { first + ends.count }
        var bytes: Int { packets.count + frames.count }

        func begin(of number: Int) -> Ends { number == first ? Ends() : ends[number - first - 1] }

        /// The number behind the last event that ends at or before this place in ``packets``, searched from `number` on.
        func number(endingBy place: Int, from number: Int) -> Int {
            if place == packets.count { return end }
            var (low, high) = (number - first, ends.count)
            while low < high {
                let middle = (low + high) / 2
                if ends[middle].packets <= place { low = middle + 1 } else { high = middle }
            }
            return first + low
        }

        func frames(of number: Int) -> ArraySlice<UInt8> {
            frames[begin(of: number).frames..<ends[number - first].frames]
        }

        mutating func append(_ packet: [UInt8], _ events: [UInt8]) {
            packets += packet
            frames += events
            ends.append(Ends(packets: packets.count, frames: frames.count))
        }

        mutating func dropFirst(_ count: Int) {
            let dropped = begin(of: first + count)
            packets.removeFirst(dropped.packets)
            frames.removeFirst(dropped.frames)
            ends = ends.dropFirst(count).map {
                Ends(packets: $0.packets - dropped.packets, frames: $0.frames - dropped.frames)
            }
            first += count
        }
    }

    /// Events of a channel that are kept, and at least half of that.
    static let packetsMax = 2_048
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
        guard place >= logs[log].first, place < logs[log].end else { return 0 }
        let begin = logs[log].begin(of: place)
        let known = logs[log].packets.withUnsafeBytes { packets in
            let known = packets.part(begin.packets..<min(begin.packets + bytes.count, packets.count))
            return known.isEqual(to: bytes) ? known.count : known.commonPrefix(with: bytes)
        }
        let next = logs[log].number(endingBy: begin.packets + known, from: place)
        guard next > place else { return 0 }
        place = next
        let end = logs[log].begin(of: next)
        frames += logs[log].frames[begin.frames..<end.frames]
        return end.packets - begin.packets
    }

    /// An event that a viewer at `place` had to read itself. Where it is known, the viewer goes on behind it; a viewer who
    /// has got everything makes it known.
    mutating func note(_ text: [UInt8], _ frames: [UInt8], _ log: Int, _ place: inout Int) {
        let start = max(logs[log].first, logs[log].end - Self.searched)
        for number in (start..<logs[log].end).reversed() where logs[log].frames(of: number).elementsEqual(frames) {
            place = number + 1
            return
        }
        guard place == logs[log].end else { return place = logs[log].end }
        let packet = WebSocketFrame.text(text)
        if bytes + packet.count + frames.count > Self.bytesMax { forgetAll() }
        if logs[log].ends.count == Self.packetsMax {
            bytes -= logs[log].bytes
            logs[log].dropFirst(Self.packetsMax / 2)
            bytes += logs[log].bytes
        }
        logs[log].append(packet, frames)
        bytes += packet.count + frames.count
        place = logs[log].end
    }

    private mutating func forgetAll() {
        for log in logs.indices {
            let end = logs[log].end
            logs[log] = Log()
            logs[log].first = end
        }
        bytes = 0
    }
}
