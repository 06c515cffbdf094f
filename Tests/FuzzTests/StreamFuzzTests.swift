import Placement
import Testing
import Wire

@testable import SimClient

extension FuzzTests {
    private static let httpTokens = [
        "\r\n", "\n", "\r\n\r\n", ":", " ", "HTTP/1.1 200 OK\r\n", "HTTP/1.0", "99999999999999999999", "-1", "+5", "0",
        "f", "G",
        "FFFFFFFFFFFFFFFF", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n",
        "Connection: keep-alive, x\r\n", ";x=y",
        "\0", "é",
    ]

    /// A response as our clients read it: however the bytes were cut.
    @Test func responses() {
        fuzz("responses", tokens: Self.httpTokens, make: { StreamSamples.response(&$0) }) { meaning, input, random in
            let whole = StreamSamples.read([input])
            let cut = StreamSamples.read(random.pieces(of: input))
            guard whole == cut else { return .wrong("\(whole) and cut \(cut)") }
            if let meaning, whole != meaning { return .wrong("\(whole) and not \(meaning)") }
            return whole.failed ? .refused : .accepted
        }
    }

    /// The event stream against the standard's algorithm, done the slow way.
    @Test func eventStreams() {
        let tokens = [
            "\r\n", "\n", "\r", "\n\n", "\r\r", ":", ": ", "id", "id: \0\n", "id\n", "data", "data:",
            "data: x\ndata: y\n", "event: e\n",
            "retry: 9\n", "\u{FEFF}", "é", "\u{2028}",
        ]
        fuzz("eventStreams", tokens: tokens, make: { random in ((), StreamSamples.payload(&random)) }) {
            _, input, random in
            let expected = StreamSamples.interpreted(input)
            var parser = EventStreamParser()
            var events: [ServerSentEvent] = []
            for piece in random.pieces(of: input) { events += try parser.feed(piece) }
            guard events == expected.events, parser.lastEventID == expected.lastID else {
                return .wrong("\(events) and not \(expected)")
            }
            return events.isEmpty ? .refused : .accepted
        }
    }

    /// Two viewers of one channel get the same bytes, cut in different ways, and one of them only compares: both see
    /// what a viewer with a parser alone sees.
    @Test func viewers() {
        let tokens = [
            "\n", "\n\n", "id: ", "data: ", "18446744073709551615", "9007199254740991", ".k3f9", "event: gap\n",
            "retry: x\n", ":\n\n",
            "{\"from\":18446744073709551615}", "id: 18446744073709551615.k3f9\ndata: {}\n\n",
        ]
        fuzz("viewers", tokens: tokens, make: { random in ((), StreamSamples.payload(&random)) }) { _, input, random in
            var log = ChannelLog(bytesMax: random.below(2) == 0 ? 200 : 1 << 16)
            let first = try StreamSamples.events(in: random.pieces(of: input), log: &log)
            let second = try StreamSamples.events(in: random.pieces(of: input), log: &log)
            var none = ChannelLog(bytesMax: 0)
            let alone = try StreamSamples.events(in: [input], log: &none)
            guard first == alone, second == alone else { return .wrong("\(first), \(second), alone \(alone)") }
            return alone.contains("foreign") ? .refused : .accepted
        }
    }
}

private enum StreamSamples {
    struct Read: Equatable {
        var status = 0
        var body: [UInt8] = []
        var failed = false
        var hasEnded = false
        var keepsAlive = true
    }

    static func response(_ random: inout Xoshiro256) -> (Read, [UInt8]) {
        let status = random.one(of: [200, 201, 204, 307, 404, 503])
        let body = (0..<random.below(60)).map { _ in UInt8(random.below(256)) }
        var head = "HTTP/1.1 \(status) Word\r\nserver: x\r\n"
        var wire = body
        switch random.below(3) {
        case 0:
            head += "Transfer-Encoding: chunked\r\n"
            wire = random.pieces(of: body).flatMap {
                Array("\(String($0.count, radix: 16))\(random.one(of: ["", ";a=b", " "]))\r\n".utf8) + $0
                    + Array("\r\n".utf8)
            }
            wire += Array(random.one(of: ["0\r\n\r\n", "0\r\ntrailer: x\r\n\r\n"]).utf8)
        default: head += "\(random.one(of: ["content-length", "Content-Length"])): \(body.count)\r\n"
        }
        let hasBody = status != 204
        let read = Read(status: status, body: hasBody ? body : [], hasEnded: true)
        return (read, Array((head + "\r\n").utf8) + (hasBody ? wire : []))
    }

    static func read(_ pieces: [[UInt8]]) -> Read {
        var reader = ResponseScanner()
        var read = Read()
        for piece in pieces where !read.failed {
            var cursor = 0
            piece.withUnsafeBytes { bytes in
                do {
                    while let part = try reader.next(in: bytes, from: &cursor) {
                        switch part {
                        case .head(let head): (read.status, read.keepsAlive) = (head.status, head.keepsAlive)
                        case .body(let range): read.body += bytes[range]
                        }
                    }
                } catch {
                    read.failed = true
                }
            }
        }
        read.hasEnded = reader.hasEnded
        return read
    }

    /// Frames of a Reader, with the faults that one could make.
    static func payload(_ random: inout Xoshiro256) -> [UInt8] {
        var payload = EventStream.frame(
            data: Array(#"{"type":"connected"}"#.utf8), id: Position(offset: 3, epoch: "k3f9"))
        var offset: UInt64 = 4
        for _ in 0..<random.below(8) {
            let position = Position(offset: offset, epoch: random.below(8) == 0 ? "b" : "k3f9")
            switch random.below(10) {
            case 0: payload += EventStream.heartbeat
            case 1: payload += EventStream.frame(data: Array(#"{"count":1}"#.utf8), event: "likes")
            case 2: payload += EventStream.frame(data: Array(#"{"from":4,"to":5}"#.utf8), event: "gap", id: position)
            case 3: payload += EventStream.frame(data: Array("{}".utf8), event: "reconnect", retryMilliseconds: 300)
            case 4: offset += UInt64(random.below(3))
            default:
                payload += EventStream.frame(
                    data: Array("{\"comment\":\"0.\(offset) t=\(offset)\"}".utf8), id: position)
                offset += 1
            }
        }
        return payload
    }

    /// WHATWG HTML, section 9.2.6, step by step over whole lines.
    static func interpreted(_ bytes: [UInt8]) -> (events: [ServerSentEvent], lastID: String) {
        var rest = bytes[...]
        if rest.starts(with: [0xEF, 0xBB, 0xBF]) { rest = rest.dropFirst(3) }
        var (events, data, name, id): ([ServerSentEvent], [String], String, String) = ([], [], "", "")
        while let end = rest.firstIndex(where: { $0 == 0x0A || $0 == 0x0D }) {
            let line = rest[..<end]
            let isPair = rest[end] == 0x0D && end + 1 < rest.endIndex && rest[end + 1] == 0x0A
            rest = rest[(end + (isPair ? 2 : 1))...]
            if line.isEmpty {
                if !data.isEmpty {
                    events.append(
                        ServerSentEvent(
                            name: name.isEmpty ? "message" : name, data: data.joined(separator: "\n"), id: id))
                }
                (data, name) = ([], "")
                continue
            }
            let colon = line.firstIndex(of: 0x3A)
            let field = String(decoding: line[..<(colon ?? line.endIndex)], as: UTF8.self)
            var value = colon.map { line[($0 + 1)...] } ?? []
            if value.first == 0x20 { value = value.dropFirst() }
            let text = String(decoding: value, as: UTF8.self)
            switch field {
            case "data": data.append(text)
            case "event": name = text
            case "id" where !value.contains(0): id = text
            default: break
            }
        }
        return (events, id)
    }

    /// What one viewer sees, comments one by one.
    static func events(in pieces: [[UInt8]], log: inout ChannelLog) throws -> [String] {
        var cursor = EventCursor()
        var seen: [String] = []
        for piece in pieces {
            var events: [StreamEvent] = []
            try piece.withUnsafeBytes { try cursor.receive($0, log: &log, into: &events) }
            for event in events {
                switch event {
                case .comments(let run, let epoch): seen += run.map { "\($0).\(log.epochs[epoch])" }
                case .gap(let at, let epoch, let from):
                    seen.append("gap \(at).\(log.epochs[epoch]) \(from.map { "\($0)" } ?? "")")
                case .connected(let position): seen.append("connected \(position?.description ?? "")")
                case .reconnect(let milliseconds): seen.append("reconnect \(milliseconds ?? -1)")
                case .state: seen.append("state")
                case .foreign: seen.append("foreign")
                // Only who compares can tell that the same offset came with other bytes.
                case .heartbeat, .unlogged, .altered: break
                }
            }
            if log.wantsRestart || log.isFull {
                cursor.leave(before: log.wantsRestart ? log.end + 1 : log.startAfterDrop, of: log)
                if log.wantsRestart { log.restart() } else { log.dropOldest() }
            }
        }
        return seen
    }
}
