import Foundation
import Testing

@testable import Audience

@Suite struct TraceTests {
    private let lines = """
        {"at":0,"join":"b","viewer":"ann"}
        {"at":0,"join":"a","viewer":"bob"}
        {"at":0.5,"comment":"b","viewer":"guest"}
        {"at":1,"join":"b","viewer":"cid"}
        {"at":1.5,"leave":"b","viewer":"ann"}
        {"at":1.5,"join":"a","viewer":"ann"}
        {"at":2,"comment":"a","viewer":"bob"}
        {"at":2.25,"leave":"a","viewer":"bob"}
        """

    private func read(_ text: String) throws -> Trace {
        let path = NSTemporaryDirectory() + "trace-\(UUID().uuidString).ndjson"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try Trace(reading: path)
    }

    @Test func aTraceIsAnAudienceAndWhatItDoes() throws {
        let trace = try read(lines)
        let audience = trace.audience
        // Numbered channel by channel, those of one in the order in which they came.
        #expect(audience.viewers == [2, 1] && audience.total == 3)
        #expect((0..<2).map(audience.videoID) == ["b", "a"])
        #expect((0..<4).map(audience.userID) == ["ann", "cid", "bob", "guest"])
        #expect(audience.channelName(1) == "video:a" && audience.spec == .trace)
        #expect(trace.present == [0, 2])
        #expect(
            trace.moves == [
                ViewerMove(nanoseconds: 1_000_000_000, viewer: 1, action: .joins(0)),
                ViewerMove(nanoseconds: 1_500_000_000, viewer: 0, action: .leaves),
                ViewerMove(nanoseconds: 1_500_000_000, viewer: 0, action: .joins(1)),
                ViewerMove(nanoseconds: 2_250_000_000, viewer: 2, action: .leaves),
            ])
        #expect(trace.comments.map(\.viewer) == [3, 2] && trace.comments.map(\.channel) == [0, 1])
        // The last event takes place too.
        #expect(trace.seconds > 2.25 && trace.seconds < 2.3)
        #expect(trace.audienceAtEnd.viewers == [1, 1])
    }

    @Test func shardsShareIt() throws {
        let trace = try read(lines)
        let parts = try ["0/2", "1/2"].map { trace.part(of: try Shard.parse($0)) }
        #expect(parts.map(\.present) == [[0, 1], []])
        #expect(parts.map(\.moves.count) == [3, 1] && parts[1].moves[0].viewer == 0)
        #expect(parts.map { $0.comments.map(\.viewer) } == [[2], [3]])
        #expect(trace.audience.viewers(of: try Shard.parse("0/2")).map(\.viewer) == [0, 2])
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        let event = Trace.Event(.leave, "v1", viewer: "user1", at: 4.250001)
        #expect(event.line == #"{"at":4.250001,"leave":"v1","viewer":"user1"}"#)
        #expect(try JSONDecoder().decode(Trace.Event.self, from: Data(event.line.utf8)) == event)
        #expect(try JSONEncoder().encode(AudienceSpec.trace) == Data(#""trace""#.utf8))
        #expect(try JSONDecoder().decode([AudienceSpec].self, from: Data(#"["trace"]"#.utf8)) == [.trace])
        #expect(throws: InvalidParameter.self) { try AudienceSpec.parse("trace") }
    }

    @Test func partsAreMergedByTime() throws {
        let folder = NSTemporaryDirectory() + "traces-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let all = lines.split(separator: "\n").map(String.init)
        for (number, part) in [[0, 2, 4, 5], [1, 3, 6, 7]].enumerated() {
            let text = part.map { all[$0] + "\n" }.joined()
            try text.write(toFile: "\(folder)/\(number)", atomically: true, encoding: .utf8)
        }
        #expect(try Trace.merge(["\(folder)/0", "\(folder)/1"], into: "\(folder)/whole") == 8)
        #expect(try Trace(reading: "\(folder)/whole") == read(lines))
        #expect(throws: (any Error).self) { try Trace.merge(["\(folder)/none"], into: "\(folder)/whole") }
    }

    @Test(arguments: [
        ("", "a viewer who joins, and a time above 0 in line 1"),
        (#"{"at":0,"join":"a","viewer":"b"}"#, "a viewer who joins, and a time above 0 in line 1"),
        ("x", "an event with at, viewer and one of join, leave, comment in line 1"),
        (#"{"at":0,"viewer":"b"}"#, "one of join, leave, comment in line 1"),
        (#"{"at":0,"join":"a","leave":"a","viewer":"b"}"#, "one of join, leave, comment in line 1"),
        (#"{"at":1,"join":"a b","viewer":"b"}"#, "names of 1 to 128 characters"),
        (#"{"at":-1,"join":"a","viewer":"b"}"#, "times that never fall, up to 86400 in line 1"),
        (#"{"at":1,"leave":"a","viewer":"b"}"#, "'b' to watch 'a' before a leave in line 1"),
        (
            "{\"at\":2,\"join\":\"a\",\"viewer\":\"b\"}\n{\"at\":1,\"comment\":\"a\",\"viewer\":\"b\"}",
            "never fall, up to 86400 in line 2"
        ),
        ("{\"at\":1,\"join\":\"a\",\"viewer\":\"b\"}\n\n{\"at\":2,\"leave\":\"a\"}", "in line 2"),
        (
            "{\"at\":1,\"join\":\"a\",\"viewer\":\"b\"}\n{\"at\":1,\"join\":\"c\",\"viewer\":\"b\"}",
            "'b' to leave before a join in line 2"
        ),
    ])
    func whatCannotBeIsToldWithItsLine(text: String, reason: String) {
        #expect {
            try read(text)
        } throws: { error in
            (error as? InvalidParameter)?.expected.contains(reason) == true
        }
        #expect(throws: InvalidParameter.self) { try Trace(reading: "/nonexistent/trace") }
    }
}
