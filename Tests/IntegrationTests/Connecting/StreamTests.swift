import Foundation
import TestSupport
import Testbed
import Testing
import Wire

@testable import Fanout

extension IntegrationTests {
    @Suite struct StreamTests {
        @Test func connectedComesOnlyWhenTheSubscriptionStands() async throws {
            try await TestSystem.with { system in
                let channel = try #require(Channel.video("v"))
                system.redis.pause()
                let viewer = try await system.viewer(RequestText.connect(video: "v"))
                await expectEventually { system.hub.step { $0.entries[channel]?.phase == .subscribing } }
                #expect(await viewer.isSilent(for: 0.3))
                system.redis.resume()
                let hello = try await viewer.next()
                #expect(hello.data.contains(#""type":"connected""#))
                #expect(try system.subscriptions(of: "v") == 1)
            }
        }

        /// What a client sees that knows nothing of ids and event names: the reference design's.
        @Test func aClientThatReadsOnlyDataLines() async throws {
            try await TestSystem.with { system in
                let viewer = try await system.viewer(RequestText.connect(user: "user1", video: "video1"))
                let head = try await viewer.head()
                #expect(head.status == 200 && head["content-type"] == "text/event-stream")
                #expect(head["cache-control"] == "no-store" && head["transfer-encoding"] == "chunked")
                _ = try await viewer.next()
                let placed = try await system.write("Great video!", to: "video1")
                let body = try await viewer.body { $0.contains("Great video!") && $0.hasSuffix("\n\n") }
                let lines = body.split(separator: "\n").filter { $0.hasPrefix("data: ") }.map {
                    $0.dropFirst("data: ".count)
                }
                #expect(
                    lines == [
                        #"{"type":"connected","userid":"user1","videoid":"video1","instance":"reader-1"}"#,
                        #"{"userid":"writer","videoid":"video1","comment":"Great video!","timestamp":"\#(placed.timestamp)","id":"\#(placed.id)"}"#,
                    ])
                #expect(body.hasPrefix("id: 0.0\nretry: "))
                #expect(body.contains("\n\nid: \(placed.offset).\(placed.epoch)\ndata: {"))
            }
        }

        /// HTTP/1.0 knows no chunks: the events stand as they are, and the end of the connection is the end.
        @Test func aClientOfHTTP10GetsEventsAsTheyAre() async throws {
            try await TestSystem.with { system in
                let client = try RawConnection(port: system.reader.port)
                try await client.send("GET /connect?userid=u&videoid=v HTTP/1.0\r\n\r\n")
                try await client.read(until: "\n\n")
                try await system.write("one", to: "v")
                try await client.read(until: "one")
                system.hub.drain(over: .zero)
                let text = try await client.readToEnd()
                let parts = text.components(separatedBy: "\r\n\r\n")
                #expect(parts.count == 2 && !text.lowercased().contains("transfer-encoding"), "\(text)")
                #expect(parts[0].hasPrefix("HTTP/1.0 200 ") && parts[0].lowercased().contains("connection: close"))
                var parser = EventStreamParser()
                let events = try parser.feed(Array((parts.last ?? "").utf8))
                #expect(events.map(\.name) == ["message", "message", "reconnect"])
                #expect(!(parts.last ?? "").contains("\r"))
            }
        }

        @Test func aCommentCannotForgeAnEvent() async throws {
            let attacks = [
                "a\n\ndata: {\"forged\":true}\n\n", "\n\nevent: gap\ndata: {}\nid: 99.zz\n\n", "data: {\"forged\":1}",
                "\u{2028}data: x\u{2029}\u{FEFF}", "\"},{\"x\":\"\\n\\ndata: y",
            ]
            try await TestSystem.with { system in
                let viewer = try await system.connectedViewer(of: "v")
                for attack in attacks { try await system.write(attack, to: "v") }
                try await system.write("the end", to: "v")
                let events = try await viewer.next(attacks.count + 1)
                #expect(try events.map { try comment(in: $0).comment } == attacks + ["the end"])
                #expect(events.map { Position(parsing: $0.id)?.offset } == (1...6).map { UInt64($0) })
                #expect(events.allSatisfy { $0.name == "message" })
                // The line reader of above must not see more than one line an event either.
                #expect(await viewer.body.split(separator: "\n").count { $0.hasPrefix("data: ") } == attacks.count + 2)
            }
        }

        @Test func manyViewersOfOneChannelAreOneSubscription() async throws {
            try await TestSystem.with { system in
                let viewers = try await system.connectedViewers(of: "v", count: 20)
                let other = try await system.connectedViewer(of: "w")
                #expect(try system.subscriptions(of: "v") == 1)
                try await system.writeNumbers(1...5)
                for viewer in viewers { #expect(try await viewer.comments(5) == ["1", "2", "3", "4", "5"]) }
                try await system.write("w", to: "w")
                #expect(try await other.comments(1) == ["w"])
            }
        }
    }
}
