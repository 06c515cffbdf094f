import TestSupport
import Testing
import Wire

extension IntegrationTests {
    /// Readers that cannot do what placement asks for: everybody is served or told clearly, and nobody goes in circles.
    @Suite struct PlacementTroubleTests {
        private static func status(_ system: PlacedReaders, _ video: String, at index: Int) async throws -> (Int, Int) {
            let (ports, viewer) = try await system.follow(video, from: system.readers[index])
            let status = try await viewer.head().status
            await viewer.close()
            return (status, ports.count)
        }

        @Test func anAddressThatDoesNotResolveIsNoTarget() async throws {
            try await PlacedReaders.with { system in
                let before = try await system.places(of: PlacementTests.videos, at: system.readers[0])
                let lost = PlacedReaders.Setup(environment: ["READER_PUBLIC_URL": "http://nowhere.invalid:4000"])
                try await PlacedReaders.one("reader-4", lost, system.redis) { reader in
                    #expect(
                        await eventually(within: 30) {
                            try await reader.get("/health/ready").text.contains("does not resolve")
                        })
                    let probe = try await reader.get("/health/ready")
                    #expect(probe.status == 200)
                    for each in system.readers + [reader] {
                        let places = try await system.places(of: PlacementTests.videos, at: each)
                        #expect(places == before)
                    }
                }
            }
        }

        /// Nobody has a public address: any load balancer may be in front, and everybody is served where it comes.
        @Test func withoutAddressesEveryReaderServesWhoeverComes() async throws {
            try await PlacedReaders.with(.init(hidden: ["reader-1", "reader-2", "reader-3"])) { system in
                for index in system.readers.indices {
                    for video in PlacementTests.videos.prefix(5) {
                        let (status, hops) = try await Self.status(system, video, at: index)
                        #expect(status == 200)
                        #expect(hops == 1)
                    }
                    let place = try await system.locate("v1", at: system.readers[index])
                    #expect(place == Place(channel: "video:v1", instance: "reader-\(index + 1)", url: nil))
                }
            }
        }

        @Test func randomSendsNobodyAnywhereEvenWhenFull() async throws {
            let setup = PlacedReaders.Setup(placement: "random", environment: ["READER_CONNECTIONS_MAX": "1"])
            try await PlacedReaders.with(setup) { system in
                let (_, first) = try await system.follow("v1", from: system.readers[0])
                #expect(try await first.head().status == 200)
                let (status, hops) = try await Self.status(system, "v1", at: 0)
                #expect(status == 503)
                #expect(hops == 1)
                await first.close()
            }
        }

        @Test func whenAllStopTheAnswerSaysSo() async throws {
            let setup = PlacedReaders.Setup(environment: ["PLACEMENT_ANNOUNCE_INTERVAL_MS": "1000"])
            try await PlacedReaders.with(setup) { system in
                let reader = system.readers[0]
                async let second: Void = system.readers[1].stop()
                async let third: Void = system.readers[2].stop()
                #expect(
                    await eventually(within: 10) {
                        try await Set(system.places(of: PlacementTests.videos, at: reader)) == ["reader-1"]
                    })
                _ = await (second, third)
                async let own: Void = reader.stop()
                // While it says goodbye it still answers.
                #expect(
                    await eventually(within: 5) {
                        let answer = try await LoopbackHTTP.get(port: reader.port, "/connect?userid=u&videoid=v1")
                        return answer.status == 503 && answer.head["retry-after"] != nil
                            && answer.text.contains("draining")
                    })
                _ = await own
            }
        }

        /// Two Readers that each believe the other to be the place, and one viewer.
        @Test func viewsThatContradictEachOtherMakeNoCircle() async throws {
            let setup = PlacedReaders.Setup(ids: ["reader-1", "reader-2"])
            try await PlacedReaders.with(setup) { system in
                // The registry names each under the other's address.
                let ports = system.readers.map(\.port)
                for (id, port) in [("twin-a", ports[0]), ("twin-b", ports[1])] {
                    let json =
                        #"{"url":"http://127.0.0.1:\#(port)","connections":0,"capacity":9,"draining":false,"full":[]}"#
                    let seconds = try system.redis.command("TIME").split(separator: "\r\n")[2]
                    let deadline = try #require(Int(seconds)) * 1_000 + 60_000
                    try system.redis.command("HSET", "readers", id, "\(deadline) abc \(json)")
                }
                #expect(
                    await eventually(within: 10) {
                        try await system.number("chorus_registry_readers", at: system.readers[0]) == 4
                    })
                for video in PlacementTests.videos.prefix(20) {
                    let (status, hops) = try await Self.status(system, video, at: 0)
                    #expect(status == 200)
                    #expect(hops <= 3)
                }
            }
        }
    }
}
