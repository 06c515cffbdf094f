import SocketIO
import TestSupport
import Testing

extension IntegrationTests {
    /// What the official test suite of Engine.IO 4 asks of a server. Messages are packets of Socket.IO here.
    @Suite struct EngineIOProtocolTests {
        // MARK: Handshake

        @Test func aPollingSessionIsOpened() async throws {
            try await EchoReader.with(pongMilliseconds: 200) { reader in
                let answer = try await LoopbackHTTP.get(port: reader.port, reader.path())
                #expect(answer.status == 200)
                let settings = #","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000}"#
                #expect(answer.text.hasPrefix(#"0{"sid":"echo."#) && answer.text.hasSuffix(settings))
            }
        }

        @Test(arguments: ["", "EIO=abc&", "EIO=3&", "EIO=&"]) func anotherVersionIsRefused(version: String) async throws
        {
            try await EchoReader.with { reader in
                let answer = try await LoopbackHTTP.get(port: reader.port, "/socket.io/?\(version)transport=polling")
                #expect(answer.status == 400 && answer.text == #"{"code":5,"message":"Unsupported protocol version"}"#)
                await #expect(throws: WebSocketClient.Refused.self) {
                    try await reader.webSocket("/socket.io/?\(version)transport=websocket")
                }
            }
        }

        @Test(arguments: ["EIO=4", "EIO=4&transport=abc", "EIO=4&transport="])
        func anotherTransportIsRefused(query: String) async throws {
            try await EchoReader.with { reader in
                let answer = try await LoopbackHTTP.get(port: reader.port, "/socket.io/?" + query)
                #expect(answer.status == 400 && answer.text == #"{"code":0,"message":"Transport unknown"}"#)
                await #expect(throws: WebSocketClient.Refused.self) {
                    try await reader.webSocket("/socket.io/?" + query)
                }
            }
        }

        @Test(arguments: ["POST", "PUT", "DELETE"]) func onlyGetOpensASession(method: String) async throws {
            try await EchoReader.with { reader in
                let answer = try await LoopbackHTTP.exchange(
                    port: reader.port, RequestText.make(method, reader.path(), body: []))
                #expect(answer.status == 400 && answer.text == #"{"code":2,"message":"Bad handshake method"}"#)
            }
        }

        @Test func aWebSocketSessionIsOpened() async throws {
            try await EchoReader.with(pongMilliseconds: 200) { reader in
                let socket = try await reader.webSocket()
                let text = try await socket.text()
                let settings = #","upgrades":[],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000}"#
                #expect(text.hasPrefix(#"0{"sid":"echo."#) && text.hasSuffix(settings))
            }
        }

        @Test func unknownSessionsAreRefused() async throws {
            try await EchoReader.with { reader in
                let unknown = #"{"code":1,"message":"Session ID unknown"}"#
                for sid in ["echo.0123456789abcdef0123456789abcdef", "reader-2.0123456789abcdef0123456789abcdef", "x"] {
                    let answers = [try await reader.poll(sid), try await reader.post(sid, "40")]
                    #expect(answers.allSatisfy { $0.status == 400 && $0.text == unknown })
                    await #expect(throws: WebSocketClient.Refused.self) {
                        try await reader.webSocket(reader.path("websocket", sid: sid))
                    }
                }
            }
        }

        // MARK: Messages

        @Test func aPollGetsOnePacketAndSeveral() async throws {
            try await EchoReader.with { reader in
                let sid = try await reader.openJoined()
                let answer = try await reader.post(sid, #"42["message","hello"]"#)
                #expect(answer.status == 200 && answer.text == "ok")
                #expect(try await reader.packets(sid, 1) == [#"42["message-back","hello"]"#])
                let several = (1...3).map { #"42["message",\#($0)]"# }
                #expect(try await reader.post(sid, several.joined(separator: "\u{1E}")).status == 200)
                #expect(try await reader.packets(sid, 3) == (1...3).map { #"42["message-back",\#($0)]"# })
            }
        }

        @Test func aPollGetsBytesInBase64() async throws {
            try await EchoReader.with { reader in
                let sid = try await reader.openJoined()
                let body =
                    #"42["message","a"]"# + "\u{1E}" + #"451-["message",{"_placeholder":true,"num":0}]"#
                    + "\u{1E}bAQIDBA=="
                #expect(try await reader.post(sid, body).text == "ok")
                let back = [
                    #"42["message-back","a"]"#, #"451-["message-back",{"_placeholder":true,"num":0}]"#, "bAQIDBA==",
                ]
                #expect(try await reader.packets(sid, 3) == back)
            }
        }

        @Test(arguments: ["abc", "", "4", "40\u{1E}abc", "b***", "42[\"early\"]"])
        func aWrongPayloadEndsTheSession(body: String) async throws {
            try await EchoReader.with { reader in
                let sid = try await reader.open()
                let status = try await reader.post(sid, body).status
                #expect(status == 400 || body.hasPrefix("4"), "what is a packet of Engine.IO is taken")
                #expect(await eventually { try await reader.poll(sid).status == 400 })
            }
        }

        @Test func twoPollsAtATimeEndTheSession() async throws {
            try await EchoReader.with { reader in
                let sid = try await reader.open()
                async let first = reader.poll(sid)
                async let second = reader.poll(sid)
                let answers = try await [first, second].sorted { $0.status < $1.status }
                #expect(answers.map(\.status) == [200, 400])
                #expect(answers[0].text == "1")
                #expect(try await reader.poll(sid).status == 400)
            }
        }

        /// Its client goes right behind the request, or when it waits.
        @Test(arguments: [0, 200]) func aPollThatIsLeftEndsTheSession(afterMilliseconds: Int) async throws {
            try await EchoReader.with { reader in
                let sid = try await reader.open()
                let left = try RawConnection(port: reader.port)
                try await left.send(RequestText.make("GET", reader.path(sid: sid)))
                try await Task.sleep(for: .milliseconds(afterMilliseconds))
                // A post of the session is taken for as long as the session lives.
                left.close()
                #expect(await eventually { try await reader.post(sid, "3").status == 400 })
            }
        }

        @Test func twoPostsAtATimeEndTheSession() async throws {
            try await EchoReader.with { reader in
                let sid = try await reader.open()
                let slow = try RawConnection(port: reader.port)
                let request = RequestText.make("POST", reader.path(sid: sid), body: Array("40".utf8))
                try await slow.send(Array(request.dropLast()))
                #expect(await eventually { try await reader.post(sid, "3").status == 400 })
                #expect(try await reader.poll(sid).status == 400)
            }
        }

        @Test func aPayloadThatIsTooLargeEndsTheSession() async throws {
            try await EchoReader.with { reader in
                let sid = try await reader.open()
                let answer = try await reader.post(sid, "4" + String(repeating: "x", count: 1_000_001))
                #expect(answer.status == 400)
                #expect(await eventually { try await reader.poll(sid).status == 400 })
            }
        }

        @Test func aWebSocketCarriesTextAndBytes() async throws {
            try await EchoReader.with { reader in
                let socket = try await reader.joined()
                try await socket.send(#"42["message","hello"]"#)
                #expect(try await socket.text() == #"42["message-back","hello"]"#)
                try await socket.send(#"451-["message",{"_placeholder":true,"num":0}]"#)
                try await socket.send(.binary, [1, 2, 3, 4])
                #expect(try await socket.text() == #"451-["message-back",{"_placeholder":true,"num":0}]"#)
                #expect(try await socket.next() == .binary([1, 2, 3, 4]))
            }
        }

        @Test func aWrongPacketEndsTheWebSocket() async throws {
            try await EchoReader.with { reader in
                for text in ["abc", "", "0", "5", "9"] {
                    let socket = try await reader.webSocket()
                    _ = try await socket.text()
                    try await socket.send(text)
                    #expect(await socket.waitForEnd(), "\(text)")
                }
            }
        }

        @Test func wrongFramesEndTheWebSocketWithTheirCode() async throws {
            try await EchoReader.with { reader in
                let cases: [([UInt8], UInt16)] = [
                    (WebSocketFrame.text("40".utf8), 1002), ([0xC1, 0x80, 0, 0, 0, 0], 1002),
                    ([0x81, 0x82, 0, 0, 0, 0, 0xC3, 0x28], 1007), ([0x82, 0xFF, 0, 0, 0, 0, 4, 0, 0, 0], 1009),
                ]
                for (bytes, code) in cases {
                    let socket = try await reader.webSocket()
                    _ = try await socket.text()
                    try await socket.send(raw: bytes)
                    #expect(await socket.waitForEnd())
                    #expect(socket.closeCode == code)
                }
            }
        }

        // MARK: Heartbeat

        @Test func aPollGetsPings() async throws {
            try await EchoReader.with { reader in
                let sid = try await reader.open()
                for _ in 0..<3 {
                    let answer = try await reader.poll(sid)
                    #expect(answer.status == 200 && answer.text == "2")
                    #expect(try await reader.post(sid, "3").text == "ok")
                }
            }
        }

        @Test func withoutAPongThePollingSessionEnds() async throws {
            try await EchoReader.with(pongMilliseconds: 200) { reader in
                let sid = try await reader.open()
                #expect(await eventually { try await reader.poll(sid).status == 400 })
            }
        }

        @Test func aWebSocketGetsPings() async throws {
            try await EchoReader.with { reader in
                let socket = try await reader.webSocket()
                _ = try await socket.text()
                for _ in 0..<3 {
                    #expect(try await socket.text(pings: true) == "2")
                    try await socket.send("3")
                }
                try await socket.send(.ping, [7])
                #expect(try await socket.next() == .pong([7]))
            }
        }

        @Test func withoutAPongTheWebSocketEnds() async throws {
            try await EchoReader.with(pongMilliseconds: 200) { reader in
                let socket = try await reader.webSocket()
                #expect(await socket.waitForEnd())
            }
        }

        // MARK: Close

        @Test func aPollIsEndedWhenTheClientCloses() async throws {
            try await EchoReader.with { reader in
                // The close may come before the poll; then there is nothing to see, and it is done again.
                let isEnded = await eventually {
                    let sid = try await reader.open()
                    async let poll = reader.poll(sid)
                    let close = try await reader.post(sid, "1")
                    let answer = try await poll
                    #expect(close.status == 200)
                    #expect(try await reader.poll(sid).status == 400)
                    return answer.status == 200 && answer.text == "6"
                }
                #expect(isEnded)
            }
        }

        @Test func aWebSocketEndsWhenTheClientCloses() async throws {
            try await EchoReader.with { reader in
                let socket = try await reader.webSocket()
                _ = try await socket.text()
                try await socket.send("1")
                #expect(await socket.waitForEnd())
            }
        }

        // MARK: Upgrade

        private func upgraded(_ reader: EchoReader) async throws -> (sid: String, socket: WebSocketClient) {
            let sid = try await reader.open()
            let socket = try await reader.webSocket(reader.path("websocket", sid: sid))
            try await socket.send("2probe")
            #expect(try await socket.text() == "3probe")
            try await socket.send("5")
            try await socket.send("40")
            #expect(try await socket.text() == #"40{"sid":"socket1"}"#)
            #expect(try await socket.text() == #"42["auth",{}]"#)
            return (sid, socket)
        }

        @Test func pollingBecomesAWebSocket() async throws {
            try await EchoReader.with { reader in
                let (_, socket) = try await upgraded(reader)
                try await socket.send(#"42["message","hello"]"#)
                #expect(try await socket.text() == #"42["message-back","hello"]"#)
            }
        }

        @Test func aPollEndsWithANoopDuringAnUpgrade() async throws {
            try await EchoReader.with { reader in
                let sid = try await reader.open()
                let socket = try await reader.webSocket(reader.path("websocket", sid: sid))
                try await socket.send("2probe")
                #expect(try await socket.text() == "3probe")
                #expect(try await reader.poll(sid).text == "6")
                #expect(try await reader.poll(sid).text == "6")
                try await socket.send("5")
                try await socket.send("40")
                #expect(try await socket.text() == #"40{"sid":"socket1"}"#)
            }
        }

        @Test func whatWaitsForAPollComesThroughTheWebSocket() async throws {
            try await EchoReader.with { reader in
                let sid = try await reader.openJoined()
                #expect(try await reader.post(sid, #"42["message",1]"#).status == 200)
                let socket = try await reader.webSocket(reader.path("websocket", sid: sid))
                try await socket.send("2probe")
                #expect(try await socket.text() == "3probe")
                try await socket.send("5")
                #expect(try await socket.text() == #"42["message-back",1]"#)
            }
        }

        @Test func requestsOfAnUpgradedSessionAreRefused() async throws {
            try await EchoReader.with { reader in
                let (sid, socket) = try await upgraded(reader)
                #expect(try await reader.poll(sid).status == 400)
                #expect(try await reader.post(sid, "3").status == 400)
                await #expect(throws: WebSocketClient.Refused.self) {
                    try await reader.webSocket(reader.path("websocket", sid: sid))
                }
                try await socket.send(#"42["message","still here"]"#)
                #expect(try await socket.text() == #"42["message-back","still here"]"#)
            }
        }

        @Test func anUpgradeThatFailsLeavesTheSessionPolling() async throws {
            try await EchoReader.with { reader in
                let sid = try await reader.openJoined()
                for text in ["40", "5", "2"] {
                    let socket = try await reader.webSocket(reader.path("websocket", sid: sid))
                    try await socket.send(text)
                    #expect(await socket.waitForEnd())
                }
                let left = try await reader.webSocket(reader.path("websocket", sid: sid))
                left.close()
                #expect(
                    await eventually {
                        _ = try await reader.post(sid, "3")
                        let socket = try await reader.webSocket(reader.path("websocket", sid: sid))
                        try await socket.send("2probe")
                        return try await socket.text() == "3probe"
                    }, "the socket that left is forgotten")
            }
        }
    }
}
