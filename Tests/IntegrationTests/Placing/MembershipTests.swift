import TestSupport
import Testbed
import Testing
import Wire

extension IntegrationTests {
    @Suite struct MembershipTests {
        static let videos = (0..<300).map { "v\($0)" }

        /// The share of videos whose place changed; every one of them must have moved from or to `id`.
        private static func moved(_ before: [String], _ after: [String], only id: String) -> Double {
            let changes = zip(before, after).filter { $0 != $1 }
            #expect(changes.allSatisfy { $0 == id || $1 == id })
            return Double(changes.count) / Double(before.count)
        }

        /// 300 videos: a share of 1/4 has a standard deviation of 0.025.
        @Test func whoJoinsTakesItsShareAndWhoLeavesGivesItBack() async throws {
            try await PlacedReaders.with { system in
                let reader = system.readers[0]
                let before = try await system.places(of: Self.videos, at: reader)
                let (_, viewer) = try await system.follow("v0", from: reader)
                _ = try await viewer.next()
                #expect(try await viewer.next().name == "viewers")
                try await PlacedReaders.one("reader-4", .init(), system.redis) { _ in
                    await system.expectReaders(4, at: reader)
                    let after = try await system.places(of: Self.videos, at: reader)
                    #expect(abs(Self.moved(before, after, only: "reader-4") - 0.25) < 0.1)
                }
                await system.expectReaders(3, at: reader)
                #expect(try await system.places(of: Self.videos, at: reader) == before)
                // Who was connected stayed where it was.
                #expect(await viewer.isSilent(for: 0.3))
                await viewer.close()
            }
        }

        @Test func aReaderThatStopsIsNotChosenWhileItStillAnswers() async throws {
            let setup = PlacedReaders.Setup(environment: ["PLACEMENT_ANNOUNCE_INTERVAL_MS": "1000"])
            try await PlacedReaders.with(setup) { system in
                let leaving = system.readers[2]
                let before = try await system.places(of: Self.videos, at: system.readers[0])
                let own = zip(Self.videos, before).first { $1 == "reader-3" }?.0
                let query = "userid=u&videoid=\(try #require(own))"
                async let stop: Void = leaving.stop()
                // It sends on those who are its own.
                await expectEventually(within: 5) {
                    let viewer = try await StreamClient(port: leaving.port, RequestText.connect(query: query))
                    let status = try await viewer.head().status
                    await viewer.close()
                    return status == 307
                }
                await expectEventually(within: 10) {
                    try await !system.places(of: Self.videos, at: system.readers[0]).contains("reader-3")
                }
                let after = try await system.places(of: Self.videos, at: system.readers[0])
                #expect(abs(Self.moved(before, after, only: "reader-3") - 1.0 / 3) < 0.1)
                await stop
            }
        }

        @Test func aReaderThatDiedIsForgotten() async throws {
            try await PlacedReaders.with { system in
                try system.register("reader-dead", port: 1, seconds: 3)
                let reader = system.readers[0]
                await expectEventually(within: 10) {
                    try await system.places(of: Self.videos, at: reader).contains("reader-dead")
                }
                await expectEventually(within: 20) {
                    try await !system.places(of: Self.videos, at: reader).contains("reader-dead")
                }
            }
        }

        @Test func withoutRedisTheOldViewStaysForItsTime() async throws {
            try await PlacedReaders.with(.init(environment: ["PLACEMENT_VIEW_SECONDS": "4"])) { system in
                let reader = system.readers[0]
                let video = try #require(await system.foreignVideo(to: 0))
                let place = try await system.locate(video, at: reader)
                system.redis.pause()
                await expectEventually { try await system.number("chorus_placement_view_age_seconds", at: reader) > 1 }
                #expect(try await system.locate(video, at: reader) == place)
                // Then everybody serves whoever comes.
                await expectEventually(within: 20) { try await system.locate(video, at: reader).instance == "reader-1" }
                #expect(try await system.number("chorus_placement_view_age_seconds", at: reader) >= 4)
                system.redis.resume()
                await expectEventually { try await system.locate(video, at: reader) == place }
            }
        }

        @Test func readersWithAllTheirConnectionsRefuseWithoutALoop() async throws {
            try await PlacedReaders.with(.init(environment: ["READER_CONNECTIONS_MAX": "2"])) { system in
                var viewers: [StreamClient] = []
                for reader in system.readers {
                    for _ in 0..<2 {
                        let request = RequestText.connect(query: "userid=u&videoid=v1&hop=2")
                        let viewer = try await StreamClient(port: reader.port, request)
                        #expect(try await viewer.head().status == 200)
                        viewers.append(viewer)
                    }
                }
                for reader in system.readers {
                    let (ports, refused) = try await system.follow("v2", from: reader)
                    #expect(ports.count <= 3)
                    let head = try await refused.head()
                    #expect(head.status == 503)
                    #expect(head["retry-after"] != nil)
                    await refused.close()
                }
                for viewer in viewers { await viewer.close() }
            }
        }
    }
}
