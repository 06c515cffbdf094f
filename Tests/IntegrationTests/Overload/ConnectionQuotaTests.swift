import Fanout
import Foundation
import ServiceRuntime
import TestSupport
import Testing
import Wire

@testable import ReaderAPI

extension IntegrationTests {
    @Suite struct ConnectionQuotaTests {
        @Test func streamsOfOneUserAndOfOneAddress() async throws {
            try await withTemporaryFolder { folder in
                let tokens = TestTokens()
                let path = folder + "/keys.json"
                try Data(tokens.keySet([.edDSA]).utf8).write(to: URL(fileURLWithPath: path))
                let environment = [
                    "AUTH": "optional", "AUTH_KEYS_FILE": path, "READER_CONNECTIONS_PER_USER": "3",
                    "READER_CONNECTIONS_PER_ADDRESS": "5",
                ]
                let (anna, bert) = (try tokens.token(of: "anna"), try tokens.token(of: "bert"))
                try await TestSystem.with(environment: environment) { system in
                    func connect(_ token: String?, _ more: [(String, String)] = []) async throws -> StreamClient {
                        let headers = token.map { [("Authorization", "Bearer \($0)")] } ?? []
                        return try await system.viewer(RequestText.connect(query: "videoid=v", headers: headers + more))
                    }
                    var viewers: [StreamClient] = []
                    for _ in 0..<3 { viewers.append(try await connect(anna)) }
                    for viewer in viewers { #expect(try await viewer.next().data.contains("connected")) }
                    let fourth = try await connect(anna).head()
                    #expect(fourth.status == 429 && fourth["retry-after"] == "5")
                    // A browser's EventSource reads it in a stream, and comes back.
                    let told = try await connect(anna, [("Accept", "text/event-stream")])
                    let event = try await told.next()
                    #expect(event.name == "reconnect" && event.data == #"{"reason":"too_many_streams"}"#)
                    // Two more of this address, whoever they are.
                    viewers.append(try await connect(bert))
                    viewers.append(try await connect(nil))
                    for viewer in viewers[3...] { #expect(try await viewer.next().data.contains("connected")) }
                    #expect(try await connect(bert).head().status == 429)
                    // A place comes back with the viewer's end.
                    await viewers[0].close()
                    await viewers[3].close()
                    await expectEventually { system.hub.counters.connections == 3 }
                    for token in [anna, bert] {
                        let again = try await connect(token)
                        #expect(try await again.next().data.contains("connected"))
                        viewers.append(again)
                    }
                    #expect(try await connect(anna).head().status == 429)
                }
            }
        }
    }
}
