import Fanout
import Foundation
import TestSupport
import Testing
import Wire

extension IntegrationTests {
    @Suite struct SlowViewerTests {
        static let small = ["READER_BACKLOG_BYTES": "16384", "READER_SEND_BUFFER_BYTES": "4096", "READER_LOOPS": "1"]

        @Test func aViewerThatNeverReadsIsCut() async throws {
            try await TestSystem.with(environment: Self.small) { system in
                let slow = try await system.viewer(RequestText.connect(video: "v"), receiveBufferBytes: 4096)
                let fast = try await system.connectedViewer(of: "v")
                await expectEventually { system.hub.counters.connections == 2 }
                let text = String(repeating: "x", count: 1_900)
                var written = 0
                while system.hub.counters.disconnects[.slowConsumer] == nil, written < 500 {
                    try await system.write("\(written) \(text)", to: "v")
                    #expect(try await fast.comments(1) == ["\(written) \(text)"])
                    written += 1
                }
                #expect(system.hub.counters.disconnects == [.slowConsumer: 1] && system.hub.counters.connections == 1)
                #expect(written > 8, "the backlog's limit is above what eight comments need")
                let metrics = try await system.reader.get("/metrics").text
                #expect(metrics.contains(#"chorus_reader_disconnects_total{reason="slow_consumer"} 1"#), "\(metrics)")
                // What the slow one can still read are whole events in order, up to the cut.
                #expect(try await slow.end() != .complete)
                let seen = await slow.allEvents.dropFirst()
                #expect(try seen.map { try comment(in: $0).comment } == (0..<seen.count).map { "\($0) \(text)" })
            }
        }

        /// What it missed is many times what may wait for it, and it reads it in its own time: it comes in pieces, and
        /// what is written meanwhile follows. Cut by its own history it would have to come back again and again.
        @Test func aHistoryThatIsLargerThanTheBacklogCutsNobody() async throws {
            try await TestSystem.with(environment: Self.small) { system in
                let text = String(repeating: "x", count: 1_900)
                let first = try await system.write("0", to: "v")
                for number in 1...200 { try await system.write("\(number) \(text)", to: "v") }
                let place = "\(first.offset).\(first.epoch)"
                let viewer = try await system.viewer(
                    RequestText.connect(query: "userid=u&videoid=v&lastEventId=\(place)"), receiveBufferBytes: 4096)
                #expect(try await viewer.next().id == place)
                for number in 201...230 { try await system.write("\(number) \(text)", to: "v") }
                #expect(try await viewer.comments(230) == (1...230).map { "\($0) \(text)" })
                try await system.write("last", to: "v")
                #expect(try await viewer.comments(1) == ["last"])
                #expect(system.hub.counters.disconnects == [:] && system.hub.counters.historyReads == 1)
            }
        }
    }

    @Suite struct LimitTests {
        @Test func oneConnectionTooManyIsRefused() async throws {
            let limits = ["READER_CONNECTIONS_MAX": "3", "READER_UNSUBSCRIBE_DELAY_MS": "50"]
            try await TestSystem.with(environment: limits) { system in
                var viewers: [StreamClient] = []
                for number in 0..<3 { viewers.append(try await system.connectedViewer(of: "v\(number)")) }
                let refused = try await LoopbackHTTP.exchange(
                    port: system.reader.port, RequestText.connect(video: "v9"))
                #expect(refused.status == 503 && refused.head["retry-after"] == "1")
                #expect(refused.text.contains(#""code":"too_many_connections""#))
                #expect(system.hub.counters.refusals == [.tooManyConnections: 1])
                #expect(try system.subscriptions(of: "v9") == 0)
                await viewers[0].close()
                await expectEventually { system.hub.counters.connections == 2 }
                viewers.append(try await system.connectedViewer(of: "v9"))
                for viewer in viewers { await viewer.close() }
                try await expectNothingLeft(system)
            }
        }
    }
}
