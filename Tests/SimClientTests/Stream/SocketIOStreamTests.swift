import SocketIO
import Testing
import Wire

@testable import SimClient

@Suite struct SocketIOStreamTests {
    private static func stream(since: String? = nil, target: String? = nil) -> SocketIOStream {
        SocketIOStream(ViewerSubscription(userid: "u1", videoid: "v1", since: since), target: target)
    }

    private static func receive(_ texts: String..., by stream: inout SocketIOStream) throws -> SocketIOStream.Output {
        let bytes = texts.flatMap { WebSocketFrame.text($0.utf8) }
        return try bytes.withUnsafeBytes { try stream.received($0) }
    }

    /// What is sent back, as texts.
    private static func replies(_ output: SocketIOStream.Output) throws -> [String] {
        var decoder = WebSocketDecoder(messageBytesMax: 1_000)
        decoder.append(output.replies)
        var texts: [String] = []
        while case .text(let text)? = try decoder.next() { texts.append(String(decoding: text, as: UTF8.self)) }
        return texts
    }

    @Test func aViewerJoinsSubscribesAndIsConnected() throws {
        var stream = Self.stream(since: "3.abc", target: "/socket.io/?EIO=4&transport=websocket&hop=1")
        let open = try Self.receive(#"0{"sid":"r.1","pingInterval":25000}"#, by: &stream)
        #expect(try Self.replies(open) == [#"40{"userid":"u1","redirect":"follow","hop":1}"#])
        let joined = try Self.receive(#"40{"sid":"x"}"#, "2", by: &stream)
        #expect(try Self.replies(joined) == [#"420["subscribe",{"video":"v1","since":"3.abc"}]"#, "3"])
        let answer = try Self.receive(#"430[{"position":"3.abc","recovered":true,"gap":false}]"#, by: &stream)
        #expect(EventFrame.all(answer.frames) == [.connected(Position(offset: 3, epoch: "abc"))])
    }

    @Test func eventsAreTheFramesOfAStream() throws {
        var stream = Self.stream()
        let data = #"{"userid":"a","comment":"]\",{\"channel\":\"x\"}","n":1}"#
        let output = try Self.receive(
            #"42["comment",\#(data),{"channel":"video:v1","position":"7.abc"}]"#,
            #"42["viewers",{"viewers":3},{"channel":"video:v1"}]"#,
            #"42["gap",{"from":8,"to":9,"reason":"expired"},{"channel":"video:v1","position":"9.abc"}]"#,
            #"42["reconnect",{"reason":"draining","retry":700}]"#, by: &stream)
        let expected =
            EventStream.frame(data: Array(data.utf8), id: Position(offset: 7, epoch: "abc"))
            + EventStream.frame(data: Array(#"{"viewers":3}"#.utf8), event: "viewers")
            + EventStream.frame(
                data: Array(#"{"from":8,"to":9,"reason":"expired"}"#.utf8), event: "gap",
                id: Position(offset: 9, epoch: "abc"))
            + EventStream.frame(
                data: Array(#"{"reason":"draining","retry":700}"#.utf8), event: "reconnect", retryMilliseconds: 700)
        #expect(String(decoding: output.frames, as: UTF8.self) == String(decoding: expected, as: UTF8.self))
    }

    @Test func placementNamesAnotherReader() throws {
        var stream = Self.stream()
        let output = try Self.receive(
            #"42["reconnect",{"reason":"placement","instance":"r2","url":"http://127.0.0.1:4001","hop":1}]"#,
            #"430[{"error":"e","code":"elsewhere"}]"#, by: &stream)
        #expect(output.location == "http://127.0.0.1:4001/socket.io/?EIO=4&transport=websocket&hop=1")
        #expect(output.frames.isEmpty)
    }

    @Test(arguments: [
        #"44{"message":"m","data":{"code":"authentication_required"}}"#, #"430[{"error":"e","code":"draining"}]"#,
        #"42["comment"]"#, #"42["comment",{}]"#, "42", "49", #"430[]"#,
    ]) func whatIsRefusedOrNoPacketEndsTheConnection(text: String) {
        var stream = Self.stream()
        #expect(throws: SocketIOStream.Broken.self) { try Self.receive(text, by: &stream) }
    }

    @Test func aCloseIsAnEnd() throws {
        var stream = Self.stream()
        let output = try WebSocketFrame.close(.goingAway).withUnsafeBytes { try stream.received($0) }
        #expect(output.hasEnded)
    }
}

extension EventFrame {
    /// The frames of some bytes.
    fileprivate static func all(_ bytes: [UInt8]) -> [EventFrame] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n\n").map { frame in
            Array((frame + "\n\n").utf8).withUnsafeBytes { EventFrame($0) }
        }
    }
}
