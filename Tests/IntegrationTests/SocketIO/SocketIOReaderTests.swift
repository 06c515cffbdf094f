import Broker
import Fanout
import Foundation
import Placement
import SocketIO
import TestSupport
import Testbed
import Testing
import Wire

@testable import ReaderAPI

private let tokens = TestTokens()

/// A client of Socket.IO on a WebSocket.
private struct Client {
    struct Event: Equatable {
        let name: String
        let data: String
        let channel: String
        let position: String?
    }

    let socket: WebSocketClient
    /// What stands behind the address in the session's id: a secret.
    let secret: String

    /// In the main namespace.
    init(_ system: TestSystem, auth: String = "", headers: [(String, String)] = []) async throws {
        socket = try await WebSocketClient(
            port: system.reader.port, "/socket.io/?EIO=4&transport=websocket", headers: headers)
        // 0{"sid":"<host>~<port>.<id>",…
        let sid = try await socket.text().split(separator: "\"")[3]
        secret = String(sid.split(separator: ".").last ?? sid)
        try await socket.send("40" + auth)
        let answer = try await socket.text()
        guard answer.hasPrefix(#"40{"sid":""#) else { throw WebSocketClient.Refused(description: answer) }
    }

    /// Sends an event and returns what it is answered; nothing but numbers of viewers may come before the answer.
    func ask(_ name: String, _ argument: String, id: Int = 1) async throws -> String {
        try await socket.send(#"42\#(id)["\#(name)",\#(argument)]"#)
        var text = try await socket.text()
        while text.hasPrefix(#"42["viewers""#) { text = try await socket.text() }
        guard text.hasPrefix("43\(id)["), text.hasSuffix("]") else { throw WebSocketClient.Refused(description: text) }
        return String(text.dropFirst("43\(id)[".count).dropLast())
    }

    /// The next event; its last argument says of which channel it is.
    func event() async throws -> Event {
        let text = try await socket.text()
        let pattern =
            /42\["([a-z]+)",(.*?)(?:,\{"channel":"([^"]+)"(?:,"position":"([^"]+)")?\})?\]/
            .dotMatchesNewlines()
        guard let match = text.wholeMatch(of: pattern) else { throw WebSocketClient.Refused(description: text) }
        return Event(
            name: String(match.1), data: String(match.2), channel: match.3.map(String.init) ?? "",
            position: match.4.map(String.init))
    }

    func comments(_ count: Int) async throws -> [String] {
        var texts: [String] = []
        while texts.count < count {
            let event = try await event()
            if event.name == "viewers" { continue }
            try #require(event.name == "comment", "\(event)")
            texts.append(try JSONDecoder().decode(Wire.Comment.self, from: Data(event.data.utf8)).comment)
        }
        return texts
    }
}

extension IntegrationTests {
    @Suite struct SocketIOReaderTests {
        @Test func aCommentIsAnEventWithItsPosition() async throws {
            try await TestSystem.with { system in
                let clients = [try await Client(system), try await Client(system)]
                let stream = try await system.connectedViewer(of: "v")
                for client in clients {
                    let ack = try await client.ask("subscribe", #"{"video":"v"}"#)
                    #expect(ack == #"{"position":"0.0","recovered":true,"gap":false}"#)
                }
                let placed = try await system.write("hello", to: "v")
                let shown = try await stream.next()
                for client in clients {
                    let event = try await client.event()
                    #expect(event.name == "comment" && event.channel == "video:v")
                    #expect(event.data == shown.data, "the same bytes as on a stream")
                    #expect(event.position == "\(placed.offset).\(placed.epoch)")
                }
                #expect(system.hub.counters.sessions == 2)
                clients[0].socket.close()
                #expect(await eventually { system.hub.counters.sessions == 1 && system.hub.counters.connections == 2 })
            }
        }

        @Test func whoComesBackGetsWhatWasMissed() async throws {
            try await TestSystem.with { system in
                let epoch = try await system.writeNumbers(1...5)
                let client = try await Client(system)
                let ack = try await client.ask("subscribe", #"{"video":"v","since":"2.\#(epoch)"}"#)
                #expect(ack == #"{"position":"2.\#(epoch)","recovered":true,"gap":false}"#)
                #expect(try await client.comments(3) == ["3", "4", "5"])
                try await system.writeNumbers(6...6)
                #expect(try await client.comments(1) == ["6"])
                let same = try await Client(system)
                #expect(
                    try await same.ask("subscribe", #"{"video":"v","since":"6.\#(epoch)"}"#)
                        == #"{"position":"6.\#(epoch)","recovered":true,"gap":false}"#)
            }
        }

        @Test func whatIsLostIsAGap() async throws {
            try await TestSystem.with { system in
                let epoch = try await system.writeNumbers(1...2)
                let lost = try await Client(system)
                #expect(
                    try await lost.ask("subscribe", #"{"video":"v","since":"17.otherepoch"}"#)
                        == #"{"position":"17.otherepoch","recovered":false,"gap":true}"#)
                #expect(try await lost.event().name == "gap")
                #expect(try await lost.comments(2) == ["1", "2"])
                let unknown = try await Client(system)
                #expect(
                    try await unknown.ask("subscribe", #"{"video":"v","since":"nonsense"}"#)
                        == #"{"position":"2.\#(epoch)","recovered":false,"gap":true}"#)
                let gap = try await unknown.event()
                #expect(gap.name == "gap" && gap.data == #"{"reason":"unknown_position"}"#)
            }
        }

        @Test func oneSocketCarriesSeveralChannels() async throws {
            try await TestSystem.with { system in
                let client = try await Client(system, auth: #"{"userid":"anna"}"#)
                for (id, what) in [#"{"video":"a"}"#, #"{"video":"b"}"#, #"{"notifications":true}"#].enumerated() {
                    #expect(try await client.ask("subscribe", what, id: id).contains(#""recovered":true"#))
                }
                #expect(
                    try await client.ask("subscribe", #"{"video":"a"}"#).contains(#""code":"already_subscribed""#))
                for video in ["a", "b"] {
                    try await system.write("to \(video)", to: video)
                    let event = try await client.event()
                    #expect(event.channel == "video:\(video)" && event.position?.hasPrefix("1.") == true)
                }
                #expect(system.hub.counters.connections == 3 && system.hub.counters.sessions == 1)
                #expect(try await client.ask("unsubscribe", #"{"video":"a"}"#) == "{}")
                #expect(try await client.ask("unsubscribe", #"{"video":"a"}"#).contains(#""code":"not_subscribed""#))
                try await system.write("not heard", to: "a")
                try await system.write("heard", to: "b")
                #expect(try await client.comments(1) == ["heard"])
                try await client.socket.send("41")
                #expect(await eventually { system.hub.counters.connections == 0 })
            }
        }

        @Test(arguments: [
            ("subscribe", "{}", "invalid_event"), ("subscribe", #"{"video":"a b"}"#, "invalid_event"),
            ("subscribe", #"{"video":"a","post":"b"}"#, "invalid_event"), ("subscribe", "[]", "malformed_json"),
            ("subscribe", #"{"notifications":true}"#, "invalid_event"), ("like", #"{"photoid":"p"}"#, "not_forwarded"),
            ("dance", "{}", "invalid_event"), ("unsubscribe", #"{"video":"v"}"#, "not_subscribed"),
        ])
        func whatIsWrongIsAnswered(name: String, argument: String, code: String) async throws {
            try await TestSystem.with { system in
                let client = try await Client(system)
                #expect(try await client.ask(name, argument).contains(#""code":"\#(code)""#))
            }
        }

        @Test func commentsAreWrittenThroughTheReader() async throws {
            try await TestSystem.with { system in
                let client = try await Client(system, auth: #"{"userid":"anna"}"#)
                _ = try await client.ask("subscribe", #"{"video":"v"}"#)
                let key = "0123456789abcdef"
                try await client.socket.send(#"427["comment",{"videoid":"v","comment":"hi","key":"\#(key)"}]"#)
                // The event and the answer come in either order.
                let texts = try await [client.socket.text(), client.socket.text()].sorted()
                #expect(texts[0].hasPrefix(#"42["comment",{"userid":"anna","videoid":"v","comment":"hi""#))
                #expect(texts[1].hasPrefix(#"437[{"success":true,"comment":{"userid":"anna""#))
                #expect(texts[1].contains(#""id":"\#(key)""#))
                // A comment's id is public: without a key it tells nothing of the session.
                try await client.socket.send(#"428["comment",{"videoid":"v","comment":"again"}]"#)
                for text in try await [client.socket.text(), client.socket.text()] {
                    #expect(text.contains(#""comment":"again""#))
                    #expect(!text.contains(client.secret))
                }
                for key in ["short", String(repeating: "k", count: 65), #"0123456789\nabcdef:"#, "0123456789.abcdef"] {
                    let body = #"{"videoid":"v","comment":"c","key":"\#(key)"}"#
                    #expect(try await client.ask("comment", body).contains(#""code":"invalid_event""#), "\(key)")
                }
                let refused = try await client.ask("comment", #"{"videoid":"v","comment":""}"#)
                #expect(refused.contains(#""code":"invalid_comment""#))
            }
        }

        @Test func aTokenSaysWhoTheClientIs() async throws {
            try await withTemporaryFolder { folder in
                let path = folder + "/keys.json"
                try Data(tokens.keySet([.edDSA]).utf8).write(to: URL(fileURLWithPath: path))
                let environment = [
                    "AUTH": "required", "AUTH_KEYS_FILE": path, "ALLOWED_ORIGINS": "https://app.example",
                ]
                try await TestSystem.with(environment: environment) { system in
                    func refusal(_ auth: String, headers: [(String, String)] = []) async -> String {
                        await thrown(WebSocketClient.Refused.self) {
                            _ = try await Client(system, auth: auth, headers: headers)
                        }?.description ?? "none"
                    }
                    #expect(await refusal("").contains(#""code":"authentication_required""#))
                    #expect(await refusal(#"{"token":"x"}"#).contains(#""code":"invalid_token""#))
                    let token = #"{"token":"\#(try tokens.token(of: "anna", seconds: 600, #","watch":["video:v"]"#))"}"#
                    let foreign = await refusal(token, headers: [("Origin", "https://evil.example")])
                    #expect(foreign.contains("403") && foreign.contains(#"{"code":4,"message":"Forbidden"}"#))
                    let client = try await Client(system, auth: token, headers: [("Origin", "https://app.example")])
                    #expect(try await client.ask("subscribe", #"{"video":"v"}"#).contains(#""recovered":true"#))
                    #expect(try await client.ask("subscribe", #"{"notifications":true}"#).contains("position"))
                    // Clocks may differ by 60 s.
                    let short = try tokens.token(of: "bert", seconds: -54)
                    let leaving = try await Client(system, auth: #"{"token":"\#(short)"}"#)
                    var end = try await leaving.event()
                    while end.name == "viewers" { end = try await leaving.event() }
                    #expect(end.name == "reconnect" && end.data.contains(#""reason":"token_expired""#))
                    #expect(await leaving.socket.waitForEnd())
                }
            }
        }

        /// Who leaves the namespace and joins it again on the same connection needs no second place.
        @Test func aUserWhoJoinsAgainHasItsPlace() async throws {
            try await withTemporaryFolder { folder in
                let path = folder + "/keys.json"
                try Data(tokens.keySet([.edDSA]).utf8).write(to: URL(fileURLWithPath: path))
                let environment = [
                    "AUTH": "required", "AUTH_KEYS_FILE": path, "READER_CONNECTIONS_PER_USER": "1",
                ]
                try await TestSystem.with(environment: environment) { system in
                    let auth = #"{"token":"\#(try tokens.token(of: "anna", seconds: 600))"}"#
                    let client = try await Client(system, auth: auth)
                    for _ in 0..<3 {
                        try await client.socket.send("41")
                        try await client.socket.send("40" + auth)
                        #expect(try await client.socket.text().hasPrefix(#"40{"sid":""#))
                    }
                    let second = await thrown(WebSocketClient.Refused.self) { _ = try await Client(system, auth: auth) }
                    #expect(second?.description.contains(#""code":"too_many_streams""#) == true)
                    // Another user is one more.
                    let bert = #"{"token":"\#(try tokens.token(of: "bert", seconds: 600))"}"#
                    try await client.socket.send("41")
                    try await client.socket.send("40" + bert)
                    #expect(try await client.socket.text().hasPrefix(#"40{"sid":""#))
                    let full = await thrown(WebSocketClient.Refused.self) { _ = try await Client(system, auth: bert) }
                    #expect(full?.description.contains(#""code":"too_many_streams""#) == true)
                    client.socket.close()
                    for auth in [auth, bert] {
                        #expect(
                            await eventually { (try? await Client(system, auth: auth)) != nil }, "the place comes back")
                    }
                }
            }
        }

        /// 10,000 that want a session, where 100 may have one.
        @Test func sessionsAreBoundedAndRefusalsCounted() async throws {
            try await TestSystem.with(environment: ["READER_CONNECTIONS_MAX": "100"]) { system in
                var ids: [SessionID] = []
                for _ in 0..<10_000 {
                    let id = SessionID()
                    do throws(HubRefusal) {
                        try system.hub.open(id, sid: "s", lease: nil, SessionReply { _ in })
                        ids.append(id)
                    } catch { #expect(error == .tooManyConnections) }
                }
                #expect(ids.count == 100 && system.hub.counters.refusals[.tooManyConnections] == 9_900)
                let answer = try await LoopbackHTTP.get(port: system.reader.port, "/socket.io/?EIO=4&transport=polling")
                #expect(answer.status == 503)
                for id in ids { system.hub.close(id, .clientClosed) }
                #expect(await eventually { (try? await Client(system)) != nil })
            }
        }

        /// A client that sends pings and reads no answer.
        @Test func aFloodOfPingsHarmsNobodyElse() async throws {
            let environment = ["READER_BACKLOG_BYTES": "4096", "READER_SEND_BUFFER_BYTES": "4096"]
            try await TestSystem.with(environment: environment) { system in
                let reading = try await Client(system)
                _ = try await reading.ask("subscribe", #"{"video":"v"}"#)
                let flooding = try await WebSocketClient(
                    port: system.reader.port, "/socket.io/?EIO=4&transport=websocket", receiveBufferBytes: 4_096)
                _ = try await flooding.text()
                var pings: [UInt8] = []
                for _ in 0..<1_000 {
                    WebSocketFrame.append(.ping, [UInt8](repeating: 7, count: 125), mask: 0x0102_0304, to: &pings)
                }
                var sent = 0
                while system.hub.counters.sessions == 2, sent < 100 {
                    sent += 1
                    try? await flooding.send(raw: pings)
                    try await system.write("\(sent)", to: "v")
                    #expect(try await reading.comments(1) == ["\(sent)"])
                }
                #expect(await eventually { system.hub.counters.sessionEndings[.slowConsumer] == 1 })
                #expect(await flooding.waitForEnd())
            }
        }

        @Test func aStoppingReaderSendsItsClientsAway() async throws {
            try await TestSystem.with(environment: ["DRAIN_SECONDS": "1"]) { system in
                var clients: [Client] = []
                for _ in 0..<10 {
                    clients.append(try await Client(system))
                    _ = try await clients.last?.ask("subscribe", #"{"video":"v"}"#)
                }
                await system.reader.stop()
                for client in clients {
                    let event = try await client.event()
                    #expect(event.name == "reconnect" && event.data.hasPrefix(#"{"reason":"draining","retry":"#))
                    #expect(await client.socket.waitForEnd())
                    #expect(client.socket.closeCode == 1001)
                }
            }
        }

        /// A client that reads nothing is disconnected, and the others get everything.
        @Test func aSlowClientHarmsNobodyElse() async throws {
            let environment = ["READER_BACKLOG_BYTES": "4096", "READER_SEND_BUFFER_BYTES": "4096"]
            try await TestSystem.with(environment: environment) { system in
                let reading = try await Client(system)
                let slow = try await WebSocketClient(
                    port: system.reader.port, "/socket.io/?EIO=4&transport=websocket", receiveBufferBytes: 4_096)
                _ = try await slow.text()
                for text in ["40", #"421["subscribe",{"video":"v"}]"#] {
                    try await slow.send(text)
                    #expect(try await slow.text().hasPrefix("4"))
                }
                _ = try await reading.ask("subscribe", #"{"video":"v"}"#)
                #expect(await eventually { system.hub.counters.connections == 2 })
                let text = String(repeating: "x", count: 1_900)
                var written = 0
                while system.hub.counters.sessions == 2, written < 400 {
                    try await system.write(text, to: "v")
                    #expect(try await reading.comments(1) == [text])
                    written += 1
                }
                #expect(await eventually { system.hub.counters.sessionEndings[.slowConsumer] == 1 })
                #expect(await slow.waitForEnd())
            }
        }

        /// The same for one that polls and does not come back for its answer.
        @Test func whatWaitsForAPollIsBounded() async throws {
            try await TestSystem.with(environment: ["READER_BACKLOG_BYTES": "4096"]) { system in
                let open = try await LoopbackHTTP.get(port: system.reader.port, "/socket.io/?EIO=4&transport=polling")
                let sid = String(open.text.split(separator: "\"")[3])
                let path = "/socket.io/?EIO=4&transport=polling&sid=\(sid)"
                let body = "40\u{1E}" + #"421["subscribe",{"video":"v"}]"#
                for part in body.split(separator: "\u{1E}") {
                    let request = RequestText.make("POST", path, body: Array(part.utf8))
                    #expect(try await LoopbackHTTP.exchange(port: system.reader.port, request).status == 200)
                    let answer = try await LoopbackHTTP.get(port: system.reader.port, path)
                    #expect(answer.text.hasPrefix("4"))
                }
                for _ in 0..<5 { try await system.write(String(repeating: "x", count: 1_900), to: "v") }
                #expect(await eventually { system.hub.counters.sessionEndings[.slowConsumer] == 1 })
                #expect(try await LoopbackHTTP.get(port: system.reader.port, path).status == 400)
            }
        }

        /// Garbage at every state; what is left behind is nothing.
        @Test func garbageLeavesNothingBehind() async throws {
            try await TestSystem.with { system in
                var random = Xoshiro256(seed: 1)
                for _ in 0..<40 {
                    let socket = try await WebSocketClient(
                        port: system.reader.port, "/socket.io/?EIO=4&transport=websocket")
                    let joins = Bool.random(using: &random)
                    if joins { try await socket.send("40") }
                    if joins { try await socket.send(#"42["subscribe",{"video":"v"}]"#) }
                    let bytes = (0..<Int.random(in: 1...200, using: &random)).map { _ in
                        UInt8.random(in: 0...255, using: &random)
                    }
                    try? await socket.send(raw: bytes)
                    socket.close()
                }
                #expect(await eventually { system.hub.counters.sessions == 0 && system.hub.counters.connections == 0 })
                #expect(await eventually { system.hub.places == 0 })
            }
        }
    }
}
