import TestSupport
import Testbed
import Testing
import Wire

extension IntegrationTests {
    /// Readers that cannot do what placement asks for: everybody is served or told clearly, and nobody goes in circles.
    @Suite struct PlacementTroubleTests {
        private func expectConnect(
            _ status: Int, hops: ClosedRange<Int>, _ system: PlacedReaders, _ video: String = "v1", at index: Int = 0
        ) async throws {
            let (ports, viewer) = try await system.follow(video, from: system.readers[index])
            #expect(try await viewer.head().status == status)
            #expect(hops.contains(ports.count))
            await viewer.close()
        }

        @Test func anAddressThatDoesNotResolveIsNoTarget() async throws {
            try await PlacedReaders.with { system in
                let before = try await system.places(of: PlacementTests.videos, at: system.readers[0])
                let lost = PlacedReaders.Setup(environment: ["READER_PUBLIC_URL": "http://nowhere.invalid:4000"])
                try await PlacedReaders.one("reader-4", lost, system.redis) { reader in
                    await expectEventually { try await reader.get("/health/ready").text.contains("does not resolve") }
                    #expect(try await reader.get("/health/ready").status == 200)
                    for each in system.readers + [reader] {
                        let places = try await system.places(of: PlacementTests.videos, at: each)
                        #expect(places == before)
                    }
                }
            }
        }

        /// A Reader that died a moment ago has an announcement that is still good.
        @Test func whoCouldNotReachAReaderGoesWhereItsChannelsGoNext() async throws {
            try await PlacedReaders.with { system in
                let before = try await system.places(of: PlacementTests.videos, at: system.readers[0])
                let dead = try Ports.one()
                try system.register("reader-9", port: dead, seconds: 60)
                for reader in system.readers { await system.expectReaders(4, at: reader) }
                let places = try await system.places(of: PlacementTests.videos, at: system.readers[0])
                let index = try #require(places.firstIndex(of: "reader-9"))
                let (video, next) = (PlacementTests.videos[index], before[index])
                let avoid = "avoid=http://127.0.0.1:\(dead)"
                for (number, reader) in system.readers.enumerated() {
                    let located = try await reader.get("/locate?videoid=\(video)&\(avoid)")
                    #expect(located.text.contains(#""instance":"\#(next)""#))
                    for hop in ["", "&hop=1"] {
                        let query = "userid=u&videoid=\(video)\(hop)"
                        let lost = try await LoopbackHTTP.exchange(
                            port: reader.port, RequestText.connect(query: query))
                        #expect(lost.head["location"]?.hasPrefix("http://127.0.0.1:\(dead)/") == true)
                        let viewer = try await StreamClient(
                            port: reader.port, RequestText.connect(query: "\(query)&\(avoid)/"))
                        let head = try await viewer.head()
                        if next == "reader-\(number + 1)" {
                            #expect(head.status == 200)
                        } else {
                            #expect(head.status == 307 && head["location"]?.contains("&\(avoid)/&hop=") == true)
                            #expect(head["location"]?.hasPrefix("http://127.0.0.1:\(dead)/") == false)
                        }
                        await viewer.close()
                    }
                    let body = #"{"userid":"u","videoid":"\#(video)","avoid":"http://127.0.0.1:\#(dead)"}"#
                    let viewer = try await StreamClient(port: reader.port, RequestText.post("/connect", json: body))
                    #expect(try await viewer.head()["location"]?.hasPrefix("http://127.0.0.1:\(dead)/") != true)
                    await viewer.close()
                    #expect(try await system.number("chorus_placement_avoided_total", at: reader) == 4)
                    // The Reader that is asked can be reached; one that nobody knows means nothing.
                    for url in ["http://127.0.0.1:\(reader.port)", "https://127.0.0.1:\(dead)"] {
                        let own = try await reader.get("/locate?videoid=\(video)&avoid=\(url)")
                        #expect(own.text.contains(#""instance":"reader-9""#))
                    }
                    let bad = try await reader.get("/connect?userid=u&videoid=\(video)&avoid=reader-9")
                    #expect(bad.status == 400 && bad.text.contains("avoid must be the URL of a Reader"))
                }
            }
        }

        /// Nobody has a public address: any load balancer may be in front, and everybody is served where it comes.
        @Test func withoutAddressesEveryReaderServesWhoeverComes() async throws {
            try await PlacedReaders.with(.init(hidden: ["reader-1", "reader-2", "reader-3"])) { system in
                for index in system.readers.indices {
                    for video in PlacementTests.videos.prefix(5) {
                        try await expectConnect(200, hops: 1...1, system, video, at: index)
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
                try await expectConnect(503, hops: 1...1, system)
                await first.close()
            }
        }

        @Test func whenAllStopTheAnswerSaysSo() async throws {
            let setup = PlacedReaders.Setup(environment: ["PLACEMENT_ANNOUNCE_INTERVAL_MS": "1000"])
            try await PlacedReaders.with(setup) { system in
                let reader = system.readers[0]
                async let second: Void = system.readers[1].stop()
                async let third: Void = system.readers[2].stop()
                await expectEventually(within: 10) {
                    try await Set(system.places(of: PlacementTests.videos, at: reader)) == ["reader-1"]
                }
                _ = await (second, third)
                async let own: Void = reader.stop()
                // While it says goodbye it still answers.
                await expectEventually(within: 5) {
                    let answer = try await LoopbackHTTP.get(port: reader.port, "/connect?userid=u&videoid=v1")
                    return answer.status == 503 && answer.head["retry-after"] != nil
                        && answer.text.contains("draining")
                }
                _ = await own
            }
        }

        @Test func viewsThatContradictEachOtherMakeNoCircle() async throws {
            let setup = PlacedReaders.Setup(ids: ["reader-1", "reader-2"])
            try await PlacedReaders.with(setup) { system in
                // The registry names each under the other's address.
                let ports = system.readers.map(\.port)
                for (id, port) in [("twin-a", ports[0]), ("twin-b", ports[1])] {
                    try system.register(id, port: port, seconds: 60)
                }
                await system.expectReaders(4, at: system.readers[0])
                for video in PlacementTests.videos.prefix(20) {
                    try await expectConnect(200, hops: 1...3, system, video)
                }
            }
        }
    }
}
