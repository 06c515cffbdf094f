internal import Foundation
internal import Wire

/// What one frame of an event stream says, as far as a viewer cares.
enum EventFrame: Equatable, Sendable {
    /// A log event. `epoch` is where its epoch stands in the frame.
    case comment(offset: UInt64, epoch: Range<Int>)
    /// The first frame of a connection; the position is missing when its id is none.
    case connected(Position?)
    /// Comments could not be recovered: those before `at` (from `from` on, where it says so). The stream goes on
    /// behind `at`, which is the frame's id; without an id behind `to`.
    case gap(at: Position?, from: UInt64?, to: UInt64?)
    /// The Reader asks its viewers to go elsewhere, after so many milliseconds.
    case reconnect(milliseconds: Int?)
    /// An event without id where only the newest value counts.
    case state(name: String)
    /// Only comment lines.
    case heartbeat
    /// A message without a position, or with an unreadable one.
    case foreign

    /// Reads a whole frame, up to and with the empty line that ends it.
    init(_ frame: UnsafeRawBufferPointer) {
        if frame.first == UInt8(ascii: ":") || frame.count <= 2 {
            self = .heartbeat
        } else {
            self = EventFrame.plainComment(frame) ?? EventFrame.general(frame)
        }
    }

    /// The frame as our own servers write it: `id: <offset>.<epoch>\ndata: {…}\n\n` and nothing else.
    private static func plainComment(_ frame: UnsafeRawBufferPointer) -> EventFrame? {
        guard frame.starts(with: "id: ".utf8) else { return nil }
        var index = 4
        guard let offset = frame.number(at: &index).map(UInt64.init), frame.skip(".", at: &index),
            (1...Position.offsetMax).contains(offset),
            let lineEnd = frame.firstIndex(of: UInt8(ascii: "\n"), from: index)
        else { return nil }
        let epoch = index..<lineEnd
        guard !epoch.isEmpty, epoch.count <= Position.epochLengthMax, frame[epoch].allSatisfy(isAlphanumeric),
            frame[(lineEnd + 1)...].starts(with: "data: ".utf8),
            !frame[(lineEnd + 7)...].starts(with: "{\"type\":\"connected\"".utf8),
            frame.firstIndex(of: UInt8(ascii: "\n"), from: lineEnd + 7) == frame.count - 2
        else { return nil }
        return .comment(offset: offset, epoch: epoch)
    }

    /// Any frame that the standard allows.
    private static func general(_ frame: UnsafeRawBufferPointer) -> EventFrame {
        var parser = EventStreamParser(bytesMax: frame.count + 1)
        // A frame cannot be over its own length.
        guard let event = try? parser.feed(frame).first else {
            return parser.retryMilliseconds == nil && parser.lastEventID.isEmpty ? .heartbeat : .foreign
        }
        switch event.name {
        case "message": return message(event, in: frame)
        case "gap":
            let gap = StreamNote.gap(event.data)
            return .gap(at: Position(parsing: event.id), from: gap?.from, to: gap?.to)
        case "reconnect": return .reconnect(milliseconds: parser.retryMilliseconds)
        default: return event.id.isEmpty ? .state(name: event.name) : .foreign
        }
    }

    private static func message(_ event: ServerSentEvent, in frame: UnsafeRawBufferPointer) -> EventFrame {
        let position = Position(parsing: event.id)
        if StreamNote.isConnected(event.data) { return .connected(position) }
        guard let position, position.offset > 0 else { return .foreign }
        return epoch(of: position, in: frame).map { .comment(offset: position.offset, epoch: $0) } ?? .foreign
    }

    private static func epoch(of position: Position, in frame: UnsafeRawBufferPointer) -> Range<Int>? {
        let pattern = Array(".\(position.epoch)".utf8)
        let start = frame.indices.first { frame[$0...].starts(with: pattern) }
        return start.map { ($0 + 1)..<($0 + pattern.count) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
    }
}

/// The JSON of the rare frames. Foundation's decoder is slow, and may be: there are a few of them in a connection's life.
enum StreamNote {
    struct Gap: Decodable, Equatable {
        var from: UInt64?
        var to: UInt64?
    }

    private struct Typed: Decodable {
        var type: String?
    }

    static func gap(_ data: String) -> Gap? {
        try? JSONDecoder().decode(Gap.self, from: Data(data.utf8))
    }

    static func isConnected(_ data: String) -> Bool {
        // 10,000 viewers connect in seconds: the member that our Readers put first saves the decoder.
        if data.hasPrefix("{\"type\":\"connected\"") { return true }
        guard data.contains("\"connected\"") else { return false }
        return (try? JSONDecoder().decode(Typed.self, from: Data(data.utf8)))?.type == "connected"
    }
}
