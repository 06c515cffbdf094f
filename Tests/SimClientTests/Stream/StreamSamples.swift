import Testing
import Wire

@testable import SimClient

/// A comment's frame as CommentAPI publishes it. `published` is its publish time in µs.
func makeFrame(_ offset: UInt64, epoch: String = "k3f9", filler: Int = 0, published: Int64? = nil) -> [UInt8] {
    let stamp = published ?? 1_000_000 + Int64(offset)
    let text = CommentText.text(shard: 0, number: Int(offset), sent: .init(at: stamp), bytes: filler)
    let comment = Comment(
        id: "c\(offset)", userid: "u", videoid: "v", comment: text, timestamp: "2026-01-01T12:00:00.000Z")
    return EventStream.frame(data: comment.json(), id: Position(offset: offset, epoch: epoch))
}

func makeConnected(at position: Position) -> [UInt8] {
    EventStream.frame(
        data: Array(#"{"type":"connected","userid":"u","videoid":"v","instance":"r1"}"#.utf8), id: position)
}

func makeEvent(_ name: String, _ data: String, id: Position? = nil, retryMilliseconds: Int? = nil) -> [UInt8] {
    EventStream.frame(data: Array(data.utf8), event: name, id: id, retryMilliseconds: retryMilliseconds)
}

let responseHead = Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)

func chunk(_ payload: [UInt8]) -> [UInt8] {
    Array(String(payload.count, radix: 16).utf8) + Array("\r\n".utf8) + payload + Array("\r\n".utf8)
}

/// One viewer's stream and what came out of it, with runs of comments joined: how bytes were cut must not be seen.
struct StreamSample {
    var response = ResponseScanner()
    var cursor = EventCursor()
    var events: [StreamEvent] = []
    var altered: [UInt64] = []

    mutating func receive(_ bytes: [UInt8], log: inout ChannelLog) throws {
        var new: [StreamEvent] = []
        try bytes.withUnsafeBytes { bytes in
            var at = 0
            while let part = try response.next(in: bytes, from: &at) {
                guard case .body(let range) = part else { continue }
                try cursor.receive(bytes.part(range), log: &log, into: &new)
            }
        }
        for event in new {
            switch (events.last, event) {
            case (_, .unlogged): break
            case (.comments(let before, let epoch), .comments(let run, let same))
            where epoch == same && run.lowerBound == before.upperBound + 1:
                events[events.count - 1] = .comments(before.lowerBound...run.upperBound, epoch: epoch)
            default: events.append(event)
            }
        }
        #expect(log.isEmpty || log.end >= log.start)
    }
}
