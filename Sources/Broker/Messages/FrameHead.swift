import Wire

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
