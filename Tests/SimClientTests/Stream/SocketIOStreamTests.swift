import SocketIO
import Testing
import Wire

@testable import SimClient

@Suite struct SocketIOStreamTests {
    private static func stream(since: String? = nil, target: String? = nil) -> SocketIOStream {
        var known = KnownPackets()
        return SocketIOStream(ViewerSubscription(userid: "u1", videoid: "v1", since: since), target: target, &known)
    }

    private static func receive(_ texts: String..., by stream: inout SocketIOStream) throws -> SocketIOStream.Output {
        let bytes = texts.flatMap { WebSocketFrame.text($0.utf8) }
        var known = KnownPackets()
        _ = known.log(of: "v1")
        return try bytes.withUnsafeBytes { try stream.received($0, &known) }
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

    @Test func whatCouldNotBeReachedIsNamed() throws {
        var known = KnownPackets()
        var stream = SocketIOStream(
            ViewerSubscription(userid: "u1", videoid: "v1"), target: nil, avoiding: Endpoint("http://r:4001"), &known)
        let open = try Self.receive(#"0{"sid":"r.1","pingInterval":25000}"#, by: &stream)
        #expect(
            try Self.replies(open) == [#"40{"userid":"u1","redirect":"follow","hop":0,"avoid":"http://r:4001"}"#])
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

    /// A Reader that only redirects name is known by its address, as one of the settings is.
    @Test(arguments: ["/socket.io/?EIO=4&transport=websocket&hop=1", "/connect?hop=1", ""])
    func aRedirectNamesAServer(target: String) throws {
        var servers = try ServerDirectory(resolving: [])
        let found = servers.number(forLocation: "http://127.0.0.1:4001/chorus" + target)
        let number = try #require(found)
        #expect(servers[number].endpoint == Endpoint("http://127.0.0.1:4001/chorus"))
        let again = servers.number(forLocation: "http://127.0.0.1:4001/")
        #expect(again == number)
    }

    @Test(arguments: [
        #"44{"message":"m","data":{"code":"authentication_required"}}"#, #"430[{"error":"e","code":"draining"}]"#,
        #"42["comment"]"#, #"42["comment",{}]"#, "42", "49", #"430[]"#,
    ]) func whatIsRefusedOrNoPacketEndsTheConnection(text: String) {
        var stream = Self.stream()
        #expect(throws: SocketIOStream.Broken.self) { try Self.receive(text, by: &stream) }
    }

    @Test func aCloseIsAnEnd() throws {
        for end in [WebSocketFrame.close(.goingAway), WebSocketFrame.text("1".utf8)] {
            var stream = Self.stream()
            var known = KnownPackets()
            _ = known.log(of: "v1")
            let event = WebSocketFrame.text(#"42["comment",{},{"channel":"video:v1","position":"1.a"}]"#.utf8)
            let output = try (end + event).withUnsafeBytes { try stream.received($0, &known) }
            #expect(output.hasEnded && output.frames.isEmpty)
            let late = try event.withUnsafeBytes { try stream.received($0, &known) }
            #expect(late.hasEnded && late.frames.isEmpty)
        }
    }

    // MARK: Polling

    private static func polling(upgrades: Bool) throws -> SocketIOStream {
        var known = KnownPackets()
        let endpoint = try #require(Endpoint("http://h:1/chorus"))
        let subscription = ViewerSubscription(userid: "u1", videoid: "v1", since: nil)
        var stream = SocketIOStream(
            subscription, target: nil, polling: LongPolling(at: endpoint, upgrades: upgrades), &known)
        #expect(
            stream.firstRequest(to: endpoint)
                == Array("GET /chorus/socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: h:1\r\n\r\n".utf8))
        return stream
    }

    /// The body comes in two parts.
    private static func answer(_ body: String, to stream: inout SocketIOStream) throws -> SocketIOStream.Output {
        var known = KnownPackets()
        let bytes = Array(body.utf8)
        for part in [bytes.prefix(3), bytes.dropFirst(3)] {
            let output = try part.withUnsafeBytes { try stream.received($0, &known) }
            #expect(output == SocketIOStream.Output())
        }
        return try stream.answered()
    }

    /// Method, session and body of a request.
    private static func request(_ output: SocketIOStream.Output) -> String {
        let text = String(decoding: output.replies, as: UTF8.self)
        let sid = text.firstMatch(of: /sid=([^ ]*) HTTP/).map { String($0.1) } ?? "none"
        let body = text.split(separator: "\r\n\r\n").dropFirst().joined()
        return "\(text.prefix { $0 != " " }) \(sid) \(body)"
    }

    @Test func aViewerPollsOneRequestAfterTheOther() throws {
        var stream = try Self.polling(upgrades: false)
        let open = try Self.answer(#"0{"sid":"r~1.x","upgrades":["websocket"]}"#, to: &stream)
        #expect(!open.opensWebSocket)
        #expect(Self.request(open) == #"POST r~1.x 40{"userid":"u1","redirect":"follow","hop":0}"#)
        #expect(try Self.request(Self.answer("ok", to: &stream)) == "GET r~1.x ")
        let joined = try Self.answer("2\u{1E}40{\"sid\":\"y\"}", to: &stream)
        #expect(Self.request(joined) == "POST r~1.x 3\u{1E}420[\"subscribe\",{\"video\":\"v1\"}]")
        _ = try Self.answer("ok", to: &stream)
        let event = #"42["comment",{},{"channel":"video:v1","position":"4.a"}]"#
        let connected = try Self.answer(
            #"430[{"position":"3.a","recovered":true,"gap":false}]"# + "\u{1E}" + event, to: &stream)
        #expect(EventFrame.all(connected.frames).count == 2 && Self.request(connected) == "GET r~1.x ")
        let end = try Self.answer("1", to: &stream)
        #expect(end.hasEnded && end.replies.isEmpty)
    }

    @Test func whoIsSentToAnotherReaderLeavesTheSession() throws {
        var stream = try Self.polling(upgrades: true)
        _ = try Self.answer(#"0{"sid":"r.x"}"#, to: &stream)
        _ = try Self.answer("ok", to: &stream)
        let sent = try Self.answer(
            #"42["reconnect",{"reason":"placement","instance":"r2","url":"http://127.0.0.1:4001","hop":1}]"#,
            to: &stream)
        #expect(sent.location != nil && Self.request(sent) == "POST r.x 1")
    }

    /// The WebSocket takes over when no request is under way, with what would have been posted next.
    @Test func aWebSocketTakesOverFromPolls() throws {
        var stream = try Self.polling(upgrades: true)
        let open = try Self.answer(#"0{"sid":"r.x"}"#, to: &stream)
        #expect(open.opensWebSocket && stream.isPolling)
        #expect(
            String(decoding: stream.upgradeRequest(), as: UTF8.self)
                .hasPrefix("GET /chorus/socket.io/?EIO=4&transport=websocket&sid=r.x HTTP/1.1\r\n"))
        #expect(try Self.replies(SocketIOStream.Output(replies: SocketIOStream.probe)) == ["2probe"])
        let pong = WebSocketFrame.text("3probe".utf8)
        #expect(pong[..<4].withUnsafeBytes { stream.probed($0) })
        #expect(try Self.request(Self.answer("ok", to: &stream)) == "GET r.x ")
        #expect(pong[4...].withUnsafeBytes { stream.probed($0) })
        let last = try Self.answer("6\u{1E}40{\"sid\":\"y\"}", to: &stream)
        #expect(last.hasUpgraded && !stream.isPolling)
        #expect(try Self.replies(last) == ["5", #"420["subscribe",{"video":"v1"}]"#])
        let answer = try Self.receive(#"430[{"position":"3.a","recovered":true,"gap":false}]"#, by: &stream)
        #expect(EventFrame.all(answer.frames) == [.connected(Position(offset: 3, epoch: "a"))])
    }

    @Test(arguments: ["3prob", "6"]) func aWebSocketThatIsNotAnsweredRightIsGivenUp(text: String) throws {
        var stream = try Self.polling(upgrades: true)
        _ = try Self.answer(#"0{"sid":"r.x"}"#, to: &stream)
        #expect(!WebSocketFrame.text(text.utf8).withUnsafeBytes { stream.probed($0) })
        stream.probeEnded()
        #expect(try Self.request(Self.answer("ok", to: &stream)) == "GET r.x ")
        #expect(try !Self.answer("6", to: &stream).hasUpgraded)
    }

    @Test(arguments: ["", "0", "0{}", "x", "40{}\u{1E}"]) func whatIsNoAnswerEndsThePolls(body: String) throws {
        var stream = try Self.polling(upgrades: false)
        #expect(throws: SocketIOStream.Broken.self) { try Self.answer(body, to: &stream) }
        var posting = try Self.polling(upgrades: false)
        _ = try Self.answer(#"0{"sid":"r.x"}"#, to: &posting)
        #expect(throws: SocketIOStream.Broken.self) { try Self.answer(body, to: &posting) }
    }

    // MARK: What others have got

    private static func comment(_ offset: Int) -> [UInt8] {
        WebSocketFrame.text(
            #"42["comment",{"comment":"\#(offset)"},{"channel":"video:v1","position":"\#(offset).a"}]"#.utf8)
    }

    /// Viewers who get the same events at different times, in other pieces, and not from the same one on.
    @Test func whatOneViewerReadOthersOnlyCompare() throws {
        var known = KnownPackets()
        func viewer() -> SocketIOStream {
            SocketIOStream(ViewerSubscription(userid: "u", videoid: "v1", since: nil), target: nil, &known)
        }
        func read(_ pieces: [[UInt8]], by stream: inout SocketIOStream) throws -> [UInt8] {
            try pieces.flatMap { try $0.withUnsafeBytes { try stream.received($0, &known).frames } }
        }
        var (first, second, late) = (viewer(), viewer(), viewer())
        let comments = (1...20).map(Self.comment)
        let frames = try read(comments, by: &first)
        #expect(known.end(of: 0) == 20)
        let all = Array(comments.joined())
        #expect(try read([all], by: &second) == frames)
        #expect(try read([Array(all[..<130]), Array(all[130...])], by: &late) == frames)
        #expect(known.end(of: 0) == 20, "nothing is known twice")
        // A viewer who came later has missed nothing that concerns it.
        var third = viewer()
        #expect(try read([Self.comment(21)], by: &first) == read([Self.comment(21)], by: &third))
        // Other bytes in the same place are read, and not taken for the known ones.
        var changed = Self.comment(22)
        #expect(try !read([changed], by: &first).isEmpty)
        changed[20] = UInt8(ascii: "x")
        let other = try read([changed, Self.comment(22)], by: &second)
        #expect(other.contains(UInt8(ascii: "x")) && EventFrame.all(other).count == 2)
    }

    @Test func whatIsKnownIsBounded() throws {
        var known = KnownPackets()
        var stream = SocketIOStream(ViewerSubscription(userid: "u", videoid: "v1", since: nil), target: nil, &known)
        for number in 1...(2 * KnownPackets.packetsMax) {
            _ = try Self.comment(number).withUnsafeBytes { try stream.received($0, &known) }
        }
        #expect(known.end(of: 0) == 2 * KnownPackets.packetsMax)
        #expect(known.bytes < 200 * KnownPackets.packetsMax)
        let data = String(repeating: "x", count: 900_000)
        for number in 1...20 {
            let text = #"42["comment",{"comment":"\#(data)"},{"channel":"video:v1","position":"\#(number).b"}]"#
            _ = try WebSocketFrame.text(text.utf8).withUnsafeBytes { try stream.received($0, &known) }
            #expect(known.bytes <= KnownPackets.bytesMax)
        }
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
