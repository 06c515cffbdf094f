import SocketIO
import TestSupport
import Testing

extension IntegrationTests {
    /// What the official test suite of Socket.IO 5 asks of a server beyond Engine.IO.
    @Suite struct SocketIOProtocolTests {
        private func socket(_ reader: EchoReader) async throws -> WebSocketClient {
            let socket = try await reader.webSocket()
            _ = try await socket.text()
            return socket
        }

        // MARK: Connect

        @Test(arguments: [
            ("40", "40", #"42["auth",{}]"#), (#"40{"token":"123"}"#, "40", #"42["auth",{"token":"123"}]"#),
            ("40/custom,", "40/custom,", #"42/custom,["auth",{}]"#),
            ("40/custom", "40/custom,", #"42/custom,["auth",{}]"#),
            (#"40/custom,{"token":"abc"}"#, "40/custom,", #"42/custom,["auth",{"token":"abc"}]"#),
        ])
        func aNamespaceIsJoined(sent: String, prefix: String, auth: String) async throws {
            try await EchoReader.with { reader in
                let socket = try await socket(reader)
                try await socket.send(sent)
                #expect(try await socket.text() == prefix + #"{"sid":"socket1"}"#)
                #expect(try await socket.text() == auth)
            }
        }

        @Test func anUnknownNamespaceIsRefusedAndTheConnectionStays() async throws {
            try await EchoReader.with { reader in
                let socket = try await socket(reader)
                try await socket.send("40/random")
                #expect(try await socket.text() == #"44/random,{"message":"Invalid namespace"}"#)
                try await socket.send("40")
                #expect(try await socket.text() == #"40{"sid":"socket1"}"#)
            }
        }

        @Test(arguments: ["4abc", "40[]", "40x", "4", "49", #"42["early"]"#, "41"])
        func aWrongHandshakeEndsTheConnection(text: String) async throws {
            try await EchoReader.with { reader in
                let socket = try await socket(reader)
                try await socket.send(text)
                #expect(await socket.waitForEnd())
            }
        }

        @Test func withoutAHandshakeTheConnectionEnds() async throws {
            try await EchoReader.with(connectTimeout: .seconds(1)) { reader in
                let socket = try await socket(reader)
                // Pings are answered, so that nothing else ends it.
                await #expect(throws: WebSocketClient.Refused.self) { _ = try await socket.text() }
                #expect(socket.hasEnded)
            }
        }

        // MARK: Disconnect

        @Test func theMainNamespaceIsLeft() async throws {
            try await EchoReader.with { reader in
                let socket = try await reader.joined()
                try await socket.send("41")
                #expect(try await socket.text(pings: true) == "2")
            }
        }

        @Test func aNamespaceIsLeftAndTheOtherStays() async throws {
            try await EchoReader.with { reader in
                let socket = try await reader.joined()
                try await socket.send("40/custom")
                #expect(try await socket.text() == #"40/custom,{"sid":"socket1"}"#)
                #expect(try await socket.text() == #"42/custom,["auth",{}]"#)
                try await socket.send("41/custom")
                try await socket.send(#"42["message","to the main namespace"]"#)
                #expect(try await socket.text() == #"42["message-back","to the main namespace"]"#)
            }
        }

        @Test func twoNamespacesShareAConnection() async throws {
            try await EchoReader.with { reader in
                let socket = try await reader.joined()
                try await socket.send("40/custom")
                _ = try await [socket.text(), socket.text()]
                try await socket.send("41")
                try await socket.send(#"42/custom,["message","hi"]"#)
                #expect(try await socket.text() == #"42/custom,["message-back","hi"]"#)
            }
        }

        // MARK: Messages

        @Test(arguments: [
            (#"42["message",1,"2",{"3":[true]}]"#, #"42["message-back",1,"2",{"3":[true]}]"#),
            (#"42456["message-with-ack",1,"2",{"3":[false]}]"#, #"43456[1,"2",{"3":[false]}]"#),
        ])
        func eventsComeBack(sent: String, back: String) async throws {
            try await EchoReader.with { reader in
                let socket = try await reader.joined()
                try await socket.send(sent)
                #expect(try await socket.text() == back)
            }
        }

        @Test(arguments: [
            (
                #"452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
                #"452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#
            ),
            (
                #"452-789["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
                #"462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#
            ),
        ])
        func attachmentsComeBack(sent: String, back: String) async throws {
            try await EchoReader.with { reader in
                let socket = try await reader.joined()
                try await socket.send(sent)
                try await socket.send(.binary, [1, 2, 3])
                try await socket.send(.binary, [4, 5, 6])
                #expect(try await socket.text() == back)
                #expect(try await socket.next() == .binary([1, 2, 3]))
                #expect(try await socket.next() == .binary([4, 5, 6]))
            }
        }

        @Test(arguments: [
            "4abc", "42{}", #"42abc["message-with-ack",1]"#, "42[]", "42[1]", #"42["connect"]"#,
            #"42/custom,["message"]"#,
            #"4511-["message"]"#, #"44{"message":"x"}"#, "40",
        ])
        func aWrongPacketEndsTheConnection(text: String) async throws {
            try await EchoReader.with { reader in
                let socket = try await reader.joined()
                try await socket.send(text)
                #expect(await socket.waitForEnd())
            }
        }

        @Test func bytesThatNobodyAnnouncedEndTheConnection() async throws {
            try await EchoReader.with { reader in
                let socket = try await reader.joined()
                try await socket.send(.binary, [1])
                #expect(await socket.waitForEnd())
                let other = try await reader.joined()
                try await other.send(#"451-["message",{"_placeholder":true,"num":0}]"#)
                try await other.send(#"42["message"]"#)
                #expect(await other.waitForEnd())
            }
        }
    }
}
