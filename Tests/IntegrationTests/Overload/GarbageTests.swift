import Fanout
import TestSupport
import Testing
import Wire

extension IntegrationTests {
    @Suite struct GarbageTests {
        @Test func whoeverTalksAfterItsRequestIsCut() async throws {
            try await TestSystem.with { system in
                let pipeliner = try await system.connectedViewer(of: "v")
                let babbler = try await system.connectedViewer(of: "v")
                let polite = try await system.connectedViewer(of: "v")
                try await pipeliner.send(RequestText.connect(video: "w"))
                try await babbler.send((0..<2_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
                // Old clients end a body with a line break that belongs to nothing.
                try await polite.send(Array("\r\n".utf8))
                for viewer in [pipeliner, babbler] { #expect(try await viewer.end() != .complete) }
                await expectEventually { system.hub.counters.disconnects == [.unexpectedData: 2] }
                try await system.write("still here", to: "v")
                #expect(try await polite.comments(1) == ["still here"])
            }
        }

        @Test(arguments: [
            "GET /connect?userid=u&videoid=w HTTP/1.1\r\nHost: x\r\n\r\n", "\u{0}\u{1}garbage\r\n\r\n", "\r\n\r\n\r\n",
        ])
        func garbageInTheSamePacket(garbage: String) async throws {
            try await TestSystem.with(environment: ["READER_UNSUBSCRIBE_DELAY_MS": "50"]) { system in
                let viewer = try await system.viewer(RequestText.connect(video: "v") + Array(garbage.utf8))
                _ = try? await viewer.next()
                await viewer.close()
                try await expectNothingLeft(system)
                let next = try await system.connectedViewer(of: "v")
                try await system.write("fine", to: "v")
                #expect(try await next.comments(1) == ["fine"])
            }
        }

        @Test(arguments: [
            "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}", "GET\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "GET /connect HTTP/9.9\r\n\r\n",
            "POST /connect HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
            "POST /connect HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ])
        func garbageInsteadOfARequest(garbage: String) async throws {
            try await TestSystem.with { system in
                let client = try await system.viewer(Array(garbage.utf8))
                await client.halfClose()
                _ = try await client.end()
                #expect(await client.body.contains("connected") == false)
                try await expectNothingLeft(system)
                _ = try await system.connectedViewer(of: "v")
            }
        }
    }
}
