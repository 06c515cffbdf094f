import Fanout
import Foundation
import ServiceRuntime
import TestSupport
import Testbed
import Testing
import Wire

@testable import ReaderAPI

private let tokens = TestTokens()

extension IntegrationTests {
    @Suite struct TokenTests {
        private func withTokens(
            _ mode: String = "required", _ body: @escaping @Sendable (TestSystem) async throws -> Void
        ) async throws {
            try await withTemporaryFolder { folder in
                let path = folder + "/keys.json"
                try Data(tokens.keySet([.edDSA]).utf8).write(to: URL(fileURLWithPath: path))
                try await TestSystem.with(environment: ["AUTH": mode, "AUTH_KEYS_FILE": path], body)
            }
        }

        private func bearer(_ token: String) -> (String, String) { ("Authorization", "Bearer \(token)") }

        private func ticket(_ system: TestSystem, _ token: String) async throws -> String {
            let answer = try await LoopbackHTTP.exchange(
                port: system.reader.port,
                RequestText.make("POST", "/api/stream-tickets", headers: [bearer(token)], body: []))
            try #require(answer.status == 201, "\(answer.text)")
            let parts = answer.text.split(separator: "\"")
            #expect(answer.text.contains(#""expires_in":30"#))
            return String(try #require(parts.dropFirst(3).first))
        }

        private func connect(_ system: TestSystem, _ query: String, headers: [(String, String)] = []) async throws
            -> HTTPAnswer
        {
            try await LoopbackHTTP.exchange(
                port: system.reader.port, RequestText.connect(query: query, headers: headers))
        }

        /// A viewer who stays.
        private func viewer(_ system: TestSystem, _ query: String, headers: [(String, String)] = []) async throws
            -> StreamClient
        {
            let viewer = try await system.viewer(RequestText.connect(query: query, headers: headers))
            #expect(try await viewer.next().data.contains(#""type":"connected""#))
            return viewer
        }

        /// The next event that is no state.
        private func last(_ viewer: StreamClient) async throws -> ServerSentEvent {
            while true {
                let event = try await viewer.next()
                if event.name != "viewers" { return event }
            }
        }

        private func texts(_ viewer: StreamClient, _ count: Int) async throws -> [String] {
            var texts: [String] = []
            while texts.count < count { texts.append(try comment(in: try await last(viewer)).comment) }
            return texts
        }

        @Test func aTicketServesOnce() async throws {
            try await withTokens { system in
                #expect(try await connect(system, "videoid=v").status == 401)
                let ticket = try await ticket(system, try tokens.token(of: "anna"))
                // What is refused for another reason does not use it up.
                #expect(try await connect(system, "videoid=v&userid=bert&ticket=\(ticket)").status == 403)
                let anna = try await viewer(system, "videoid=v&ticket=\(ticket)")
                let again = try await connect(system, "videoid=v&ticket=\(ticket)")
                #expect(again.status == 401 && again.text.contains("invalid_ticket"))
                try await system.write("hello", to: "v")
                #expect(try await texts(anna, 1) == ["hello"])
                // It is the bearer's own.
                let own = try await self.ticket(system, try tokens.token(of: "anna"))
                let notified = try await system.viewer(RequestText.connect(query: "notifications=true&ticket=\(own)"))
                #expect(try await notified.next().data.contains(#""userid":"anna""#))
            }
        }

        @Test func ofManyAtOnceOneGetsTheTicket() async throws {
            try await withTokens { system in
                let ticket = try await ticket(system, try tokens.token(of: "anna"))
                let statuses = try await withThrowingTaskGroup(of: Bool.self) { group in
                    for _ in 0..<20 {
                        group.addTask {
                            let viewer = try await system.viewer(
                                RequestText.connect(query: "videoid=v&ticket=\(ticket)"))
                            return (try? await viewer.next().data.contains("connected")) ?? false
                        }
                    }
                    return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
                }
                #expect(statuses == 1)
            }
        }

        /// The Reader that serves takes the ticket; one that sends the viewer on does not.
        @Test func aRedirectDoesNotUseATicket() async throws {
            try await withTemporaryFolder { folder in
                let path = folder + "/keys.json"
                try Data(tokens.keySet([.edDSA]).utf8).write(to: URL(fileURLWithPath: path))
                var setup = PlacedReaders.Setup()
                setup.placement = "rendezvous"
                setup.environment = ["AUTH": "required", "AUTH_KEYS_FILE": path, "METRICS_ALLOW": "127.0.0.1"]
                let token = try tokens.token(of: "anna")
                try await PlacedReaders.with(setup) { system in
                    let issued = try await LoopbackHTTP.exchange(
                        port: system.readers[0].port,
                        RequestText.make("POST", "/api/stream-tickets", headers: [bearer(token)], body: []))
                    let ticket = try #require(issued.text.split(separator: "\"").dropFirst(3).first)
                    var places: Set<String> = []
                    for reader in system.readers {
                        let place = try await LoopbackHTTP.exchange(
                            port: reader.port, RequestText.make("GET", "/locate?videoid=v", headers: [bearer(token)]))
                        #expect(try await reader.get("/locate?videoid=v").status == 401)
                        places.insert(place.text)
                        guard !place.text.contains(":\(reader.port)\"") else { continue }
                        let request = RequestText.connect(query: "videoid=v&redirect=follow&ticket=\(ticket)")
                        let sentOn = try await LoopbackHTTP.exchange(port: reader.port, request)
                        #expect(sentOn.status == 307 && sentOn.head["location"]?.contains("ticket=\(ticket)") == true)
                    }
                    #expect(places.count == 1)
                    let home = try #require(system.readers.first { places.first?.contains(":\($0.port)\"") == true })
                    let viewer = try await StreamClient(
                        port: home.port, RequestText.connect(query: "videoid=v&ticket=\(ticket)&hop=1"))
                    #expect(try await viewer.next().data.contains("connected"))
                    let again = try await LoopbackHTTP.exchange(
                        port: home.port, RequestText.connect(query: "videoid=v&ticket=\(ticket)&hop=1"))
                    #expect(again.status == 401)
                }
            }
        }

        /// A ticket opens what its token does and no more, is no token, and a token is no ticket.
        @Test func aTicketServesNothingElse() async throws {
            try await withTokens { system in
                let token = try tokens.token(of: "anna", #","watch":["video:v"]"#)
                let ticket = try await ticket(system, token)
                let left = try system.redis.command("PTTL", "ticket:{\(ticket)}")
                #expect((20_000...30_000).contains(Int(left.filter(\.isNumber)) ?? 0), "\(left)")
                for query in ["videoid=other", "videoid=v&photoid=p", "notifications=true&userid=bert"] {
                    #expect(try await connect(system, query + "&ticket=\(ticket)").status == 403, "\(query)")
                }
                #expect(try await connect(system, "videoid=v&ticket=\(token)").status == 401)
                #expect(try await connect(system, "videoid=v", headers: [bearer(ticket)]).status == 401)
                let viewers = try await LoopbackHTTP.exchange(
                    port: system.reader.port, RequestText.make("GET", "/viewers?videoid=v&ticket=\(ticket)"))
                #expect(viewers.status == 401)
                // A cookie that is worth nothing any more is no hindrance.
                let cookie = ("Cookie", "chorus_session=\(try tokens.token(of: "anna", seconds: -61))")
                _ = try await viewer(system, "videoid=v&ticket=\(ticket)", headers: [cookie])
                #expect(try await connect(system, "videoid=v", headers: [cookie]).text.contains("token_expired"))
            }
        }

        @Test(arguments: ["x", String(repeating: "a", count: 32), String(repeating: "a", count: 33), "a%20b"])
        func noTicket(text: String) async throws {
            try await withTokens("optional") { system in
                let answer = try await connect(system, "videoid=v&ticket=\(text)")
                #expect(answer.status == 401 && answer.text.contains("invalid_ticket"))
            }
        }

        @Test func noTicketForAnonymousOrSecrets() async throws {
            try await withTokens("optional") { system in
                for headers in [[], [bearer("x")]] {
                    let answer = try await LoopbackHTTP.exchange(
                        port: system.reader.port,
                        RequestText.make("POST", "/api/stream-tickets", headers: headers, body: []))
                    #expect(answer.status == 401)
                }
            }
        }

        /// 60 s of tolerance behind `exp`: the token is one that expired 57 s ago.
        @Test func aStreamEndsWithItsToken() async throws {
            try await withTokens { system in
                let now = Date().timeIntervalSince1970
                let token = try tokens.token(#"{"sub":"anna","exp":\#(now - 57)}"#)
                let lasting = try await viewer(system, "videoid=v", headers: [bearer(try tokens.token(of: "bert"))])
                let anna = try await viewer(system, "videoid=v", headers: [bearer(token)])
                try await system.write("before", to: "v")
                #expect(try await texts(anna, 1) == ["before"])
                let last = try await self.last(anna)
                #expect(last.name == "reconnect" && last.data == #"{"reason":"token_expired"}"#)
                _ = try await anna.end()
                #expect(Date().timeIntervalSince1970 - now < 6)
                #expect(try await connect(system, "videoid=v", headers: [bearer(token)]).text.contains("token_expired"))
                try await system.write("after", to: "v")
                #expect(try await texts(lasting, 2) == ["before", "after"])
                #expect(system.hub.counters.disconnects[.tokenEnded] == 1)
            }
        }

        @Test func suspensionsAndLogOutsReachAReaderWithinFiveSeconds() async throws {
            try await withTokens { system in
                let anna = try tokens.token(of: "anna", #","sid":"s1""#)
                let bert = try tokens.token(of: "bert", #","sid":"s2""#)
                let (one, two) = (
                    try await viewer(system, "videoid=v", headers: [bearer(anna)]),
                    try await viewer(system, "videoid=v", headers: [bearer(bert)])
                )
                let until = Date().timeIntervalSince1970 + 600
                let start = ContinuousClock.now
                for (kind, id) in [("session", "s1"), ("suspension", "bert")] {
                    _ = try system.redis.command(
                        "XADD", "identity:revocations", "*", "kind", kind, "id", id, "upto", "0", "until", "\(until)")
                }
                for (stream, reason) in [(one, "token_revoked"), (two, "account_suspended")] {
                    let last = try await self.last(stream)
                    #expect(last.name == "reconnect" && last.data == #"{"reason":"\#(reason)"}"#)
                }
                #expect(ContinuousClock.now - start < .seconds(5))
                #expect(try await connect(system, "videoid=v", headers: [bearer(anna)]).status == 401)
                #expect(try await connect(system, "videoid=v", headers: [bearer(bert)]).status == 403)
            }
        }
    }
}
