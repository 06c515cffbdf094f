public import Wire

/// One event as a Reader gets it: the complete frame for the viewers, and the little the Reader must know of it.
public struct BrokerMessage: Hashable, Sendable {
    public let channel: Channel
    /// `nil` for state events: only the newest counts, and they may be merged. Log events are ordered and replayable.
    public let position: Position?
    /// The complete server-sent event, ready to be written to a viewer; ends with an empty line.
    public let frame: [UInt8]

    public init(channel: Channel, position: Position?, frame: [UInt8]) {
        self.channel = channel
        self.position = position
        self.frame = frame
    }

    /// Reads the first line of a frame; `nil` when the bytes are no frame that this project writes.
    ///
    /// Redis is inside the trust boundary, but other programs may publish to it: a frame without its closing empty
    /// line would run into the next one on every viewer's stream, so it goes no further than here.
    public init?(channel: Channel, frame: [UInt8]) {
        guard let position = FrameHead.read(frame) else { return nil }
        switch position {
        case .log(let position): self.init(channel: channel, position: position, frame: frame)
        case .state: self.init(channel: channel, position: nil, frame: frame)
        }
    }
}

/// What the first line of a frame says. The rest of the frame is opaque.
enum FrameHead: Equatable {
    case log(Position)
    case state

    private static let idField = Array("id: ".utf8)
    private static let stateFields = [Array("event: ".utf8), Array("data: ".utf8)]

    /// `nil` when `frame` is none: wrong first field, unreadable position, or no closing empty line.
    static func read(_ frame: [UInt8]) -> FrameHead? {
        guard frame.count > 8, frame[frame.count - 1] == 0x0A, frame[frame.count - 2] == 0x0A else { return nil }
        if frame.starts(with: idField) {
            return position(in: frame).map(FrameHead.log)
        }
        return stateFields.contains(where: { frame.starts(with: $0) }) ? .state : nil
    }

    /// The id line of an event at `position`.
    static func idLine(_ position: Position) -> [UInt8] {
        Array("id: \(position.offset).\(position.epoch)\n".utf8)
    }

    /// Reads `id: <offset>.<epoch>\n` byte by byte: this runs for every message of every channel, and text slices
    /// would cost more than all the rest.
    private static func position(in frame: [UInt8]) -> Position? {
        var index = idField.count
        var offset: UInt64 = 0
        while index < frame.count, frame[index] != UInt8(ascii: ".") {
            guard frame[index] >= 0x30, frame[index] <= 0x39 else { return nil }
            let (tens, overTens) = offset.multipliedReportingOverflow(by: 10)
            let (sum, overSum) = tens.addingReportingOverflow(UInt64(frame[index] - 0x30))
            guard !overTens, !overSum else { return nil }
            offset = sum
            index += 1
        }
        guard index > idField.count, index < frame.count else { return nil }
        let start = index + 1
        var end = start
        while end < frame.count, isEpochByte(frame[end]) { end += 1 }
        guard end > start, end - start <= Position.epochLengthMax, end < frame.count, frame[end] == 0x0A else {
            return nil
        }
        return Position(offset: offset, epoch: String(decoding: frame[start..<end], as: UTF8.self))
    }

    private static func isEpochByte(_ byte: UInt8) -> Bool {
        let lower = byte | 0x20
        return lower >= 0x61 && lower <= 0x7A || byte >= 0x30 && byte <= 0x39
    }
}
