import Wire

/// What a viewer reads out of the bytes of its stream.
enum StreamFrame: Equatable {
    case connected(Position)
    case comment(Position)
    case gap(at: Position, from: UInt64?, to: UInt64?)
    case reconnect(milliseconds: Int)
    case heartbeat
    /// The last chunk.
    case end
    case unreadable(String)
}

/// Reads the chunks of one write; of a torn one what is whole.
enum StreamFrames {
    static func read(_ bytes: [UInt8]) -> [StreamFrame] {
        var frames: [StreamFrame] = []
        var index = 0
        while let lineEnd = bytes[index...].firstIndex(of: 0x0D) {
            guard let size = Int(String(decoding: bytes[index..<lineEnd], as: UTF8.self), radix: 16) else {
                return frames + [.unreadable(String(decoding: bytes, as: UTF8.self))]
            }
            if size == 0 { return frames + (bytes.count == lineEnd + 4 ? [.end] : []) }
            let start = lineEnd + 2
            guard start < bytes.count else { return frames }
            let body = String(decoding: bytes[start..<min(start + size, bytes.count)], as: UTF8.self)
            read(body, into: &frames)
            index = start + size + 2
            guard index < bytes.count else { return frames }
        }
        return frames
    }

    private static func read(_ body: String, into frames: inout [StreamFrame]) {
        var lines: [Substring] = []
        // The last part is what follows the last line break: nothing, or a torn line.
        for line in body.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if line.isEmpty {
                if !lines.isEmpty { frames.append(frame(lines)) }
                lines = []
            } else {
                lines.append(line)
            }
        }
    }

    private static func frame(_ lines: [Substring]) -> StreamFrame {
        func field(_ name: String) -> Substring? {
            lines.first { $0.hasPrefix(name) }.map { $0.dropFirst(name.utf8.count) }
        }
        let id = field("id: ").flatMap { Position(parsing: $0) }
        let data = field("data: ") ?? ""
        switch (field("event: "), id) {
        case (nil, let id?): return data.hasPrefix("{\"type\":\"connected\"") ? .connected(id) : .comment(id)
        case ("gap", let id?): return .gap(at: id, from: number("from", in: data), to: number("to", in: data))
        case ("reconnect", _): return .reconnect(milliseconds: field("retry: ").flatMap { Int($0) } ?? 0)
        case (nil, nil) where lines == [":"]: return .heartbeat
        default: return .unreadable(lines.joined(separator: "\n"))
        }
    }

    private static func number(_ name: String, in data: Substring) -> UInt64? {
        let key = "\"\(name)\":"
        guard let start = data.firstRange(of: key) else { return nil }
        return UInt64(data[start.upperBound...].prefix { $0.isNumber })
    }
}
