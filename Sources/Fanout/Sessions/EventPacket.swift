internal import SocketIO
internal import Wire

/// What stands behind each event of a channel in its packet: `,{"channel":"video:v1"` and the end of a packet without a
/// position. Made once for a topic.
struct ChannelTail: Equatable, Sendable {
    let bytes: [UInt8]

    init() { bytes = [] }

    init(_ channel: Channel) {
        // A channel's name needs no escape.
        bytes = Array(#",{"channel":"\#(channel.name)""#.utf8)
    }
}

/// Events for sessions of Socket.IO: `42["comment",<data>,{"channel":"video:v1","position":"17.k3f9"}]`, each a text frame
/// of a WebSocket. Made of the same frames that streams get; the data is copied as it is.
enum EventPacket {
    /// Packets of the frames, in their order, as one write.
    static func joining(_ frames: some Collection<Frame>, of channel: ChannelTail) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(frames.reduce(0) { $0 + $1.bytes.count + channel.bytes.count + 48 })
        for frame in frames { append(frame, of: channel, to: &bytes) }
        return bytes
    }

    private static func append(_ frame: Frame, of channel: ChannelTail, to bytes: inout [UInt8]) {
        var (name, data, id) = (Array("comment".utf8)[...], ArraySlice<UInt8>(), ArraySlice<UInt8>())
        var start = frame.bytes.startIndex
        // The frames are our own: `field: value` and line feeds.
        while let end = frame.bytes[start...].firstIndex(of: UInt8(ascii: "\n")), end > start {
            let line = frame.bytes[start..<end]
            if line.starts(with: dataField) {
                data = line.dropFirst(dataField.count)
            } else if line.starts(with: idField) {
                id = line.dropFirst(idField.count)
            } else if line.starts(with: eventField) {
                name = line.dropFirst(eventField.count)
            }
            start = end + 1
        }
        guard !data.isEmpty else { return }
        var packet: [UInt8] = []
        packet.reserveCapacity(data.count + channel.bytes.count + 64)
        packet += prefix
        packet += name
        packet += [UInt8(ascii: "\""), UInt8(ascii: ",")]
        packet += data
        packet += channel.bytes
        if !id.isEmpty {
            packet += position
            packet += id
            packet.append(UInt8(ascii: "\""))
        }
        packet += [UInt8(ascii: "}"), UInt8(ascii: "]")]
        WebSocketFrame.append(.text, packet, to: &bytes)
    }

    private static let dataField = Array("data: ".utf8)
    private static let idField = Array("id: ".utf8)
    private static let eventField = Array("event: ".utf8)
    private static let prefix = Array(#"42[""#.utf8)
    private static let position = Array(#","position":""#.utf8)
}
