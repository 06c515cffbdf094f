package import Wire

/// What the first line of a frame says. The rest of the frame is opaque.
package enum FrameHead: Equatable {
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
    package static func idLine(_ position: Position) -> [UInt8] {
        Array("id: \(position.offset).\(position.epoch)\n".utf8)
    }

    /// Reads `id: <offset>.<epoch>\n` out of bytes: this runs for every message of every channel, and text slices would
    /// cost more than all the rest.
    private static func position(in frame: [UInt8]) -> Position? {
        frame.withUnsafeBufferPointer { frame in
            let line = frame[idField.count...].prefix { $0 != 0x0A }
            return Position(utf8: UnsafeBufferPointer(rebasing: line))
        }
    }
}
