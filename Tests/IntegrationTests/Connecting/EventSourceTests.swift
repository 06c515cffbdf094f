import TestSupport
import Testbed
import Testing
import Wire

@testable import Fanout

extension IntegrationTests {
    /// A browser's `EventSource`: an answer other than 200 is the last that it asks for.
    @Suite struct EventSourceTests {
        enum Cause: String, CaseIterable {
            case redisIsAway = "broker_unavailable"
            case full = "too_many_connections"
            case draining

            func bringAbout(_ system: TestSystem) async throws {
                switch self {
                case .redisIsAway:
                    await system.redis.stop()
                    await expectEventually { try await system.reader.get("/health/ready").status == 503 }
                // Its one place is taken.
                case .full: break
                case .draining: system.hub.step { $0.isDraining = true }
                }
            }
        }

        static let accept = [("Accept", "text/event-stream")]
        static let query = "userid=u&videoid=w"

        @Test(arguments: Cause.allCases) func isToldToComeBack(cause: Cause) async throws {
            let limit = cause == .full ? ["READER_CONNECTIONS_MAX": "1"] : [:]
            try await TestSystem.with(environment: limit) { system in
                let viewer = try await system.connectedViewer(of: "v")
                try await cause.bringAbout(system)
                var waits: Set<Int> = []
                for _ in 0..<20 {
                    let answer = try await exchange(
                        system, RequestText.connect(query: Self.query, headers: Self.accept))
                    #expect(answer.status == 200 && answer.head["content-type"] == EventStream.mediaType)
                    #expect(answer.head["cache-control"] == "no-store")
                    var parser = EventStreamParser()
                    let events = try parser.feed(answer.body)
                    let data = #"{"reason":"\#(cause.rawValue)"}"#
                    #expect(events == [ServerSentEvent(name: "reconnect", data: data)])
                    waits.insert(try #require(parser.retryMilliseconds))
                }
                #expect(waits.count > 1 && waits.allSatisfy { (1_000...2_000).contains($0) })
                // Programs want to see the status.
                for request in [
                    RequestText.connect(query: Self.query), RequestText.connect(video: "w", headers: Self.accept),
                ] {
                    let answer = try await exchange(system, request)
                    #expect(answer.status == 503 && answer.head["retry-after"] == "1")
                    #expect(answer.text.contains(#""code":"\#(cause.rawValue)""#))
                }
                #expect(system.hub.counters.refusals[try #require(HubRefusal(rawValue: cause.rawValue))] == 22)
                let metrics = try await system.reader.get("/metrics").text
                #expect(metrics.contains(#"chorus_http_refusals_total{code="\#(cause.rawValue)"} 22"#))
                await viewer.close()
            }
        }

        @Test func whatWillNeverWorkKeepsItsStatus() async throws {
            try await TestSystem.with { system in
                let answer = try await exchange(
                    system, RequestText.connect(query: "userid=u&videoid=a%20b", headers: Self.accept))
                #expect(answer.status == 400)
            }
        }

        /// It stays in the client until another one comes: without it a short one, of a drain long ago, would count.
        @Test func theFirstFrameSaysWhenToComeBack() async throws {
            try await TestSystem.with { system in
                let placed = try await system.write("old", to: "v")
                for headers in [[], [("Last-Event-ID", "0.\(placed.epoch)")], [("Last-Event-ID", "nonsense")]] {
                    let viewer = try await system.viewer(RequestText.connect(video: "v", headers: headers))
                    _ = try await viewer.next()
                    #expect((1_000...2_000).contains(try #require(await viewer.retryMilliseconds)))
                    await viewer.close()
                }
            }
        }

        private func exchange(_ system: TestSystem, _ request: [UInt8]) async throws -> HTTPAnswer {
            try await LoopbackHTTP.exchange(port: system.reader.port, request)
        }
    }
}
