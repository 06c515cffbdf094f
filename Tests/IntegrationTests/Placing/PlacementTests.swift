import Foundation
import TestSupport
import Testbed
import Testing
import Wire

extension IntegrationTests {
    @Suite struct PlacementTests {
        static let videos = (0..<60).map { "v\($0)" }

        @Test func everyReaderGivesTheSameAnswer() async throws {
            try await PlacedReaders.with { system in
                let answers = try await system.places(of: Self.videos, at: system.readers[0])
                for reader in system.readers.dropFirst() {
                    #expect(try await system.places(of: Self.videos, at: reader) == answers)
                }
                #expect(Set(answers) == ["reader-1", "reader-2", "reader-3"])
            }
        }

        @Test func aViewerIsSentToThePlaceAndServedThere() async throws {
            try await PlacedReaders.with { system in
                for video in Self.videos.prefix(12) {
                    let place = try await system.locate(video, at: system.readers[0])
                    for reader in system.readers {
                        let (ports, viewer) = try await system.follow(video, from: reader)
                        #expect(ports.count <= 2)
                        #expect(place.url == "http://127.0.0.1:\(ports[ports.count - 1])")
                        #expect(try await viewer.next().data.contains(#""instance":"\#(place.instance)""#))
                        await viewer.close()
                    }
                }
                for reader in system.readers {
                    #expect(try await system.number("chorus_placement_redirects_total", at: reader) > 0)
                    let placed = try await system.number("chorus_placement_duration_seconds_count", at: reader)
                    let seconds = try await system.number("chorus_placement_duration_seconds_sum", at: reader)
                    #expect(placed >= 12)
                    #expect(seconds / placed < 0.001, "\(seconds / placed) s a connect")
                }
            }
        }

        @Test func theRedirectKeepsWhatWasSaid() async throws {
            try await PlacedReaders.with { system in
                let video = try #require(await system.foreignVideo(to: 0))
                let target = try #require(try await system.locate(video, at: system.readers[0]).url)
                let headers = [("Origin", "https://page.example"), ("Last-Event-ID", "17.ab")]
                let port = system.readers[0].port
                let get = try await LoopbackHTTP.exchange(
                    port: port,
                    RequestText.make(
                        "GET", "/connect?userid=u%2D1&videoid=\(video)&lastEventId=3.ab", headers: headers))
                #expect(get.status == 307)
                let location = "\(target)/connect?userid=u%2D1&videoid=\(video)&lastEventId=17.ab&hop=1"
                #expect(get.head["location"] == location && get.head["access-control-allow-origin"] == "*")
                #expect(get.head["access-control-expose-headers"]?.contains("location") == true)
                let post = try await LoopbackHTTP.exchange(port: port, RequestText.connect(video: video))
                #expect(post.status == 307 && post.head["location"] == "\(target)/connect?hop=1")
                #expect(try JSONDecoder().decode(Place.self, from: Data(post.body)).url == target)
                let preflight = try await LoopbackHTTP.exchange(
                    port: port, RequestText.make("OPTIONS", "/connect", headers: headers))
                #expect(preflight.status == 204)
                #expect(preflight.head["access-control-allow-headers"]?.contains("last-event-id") == true)
            }
        }

        /// A browser asks a redirect's target again and again, and never the address that it was given.
        @Test func onlyWhoComesBackIsSentOn() async throws {
            try await PlacedReaders.with { system in
                let video = try #require(await system.foreignVideo(to: 0))
                let reader = system.readers[0]
                let query = "userid=u&videoid=\(video)"
                let follow = #"{"userid":"u","videoid":"\#(video)","redirect":"follow"}"#
                let browsers = [[("User-Agent", "Mozilla/5.0 (X11) Chrome/156.0")], [("Sec-Fetch-Mode", "cors")]]
                for headers in browsers {
                    for request in [
                        RequestText.connect(query: query, headers: headers),
                        RequestText.connect(video: video, headers: headers),
                    ] {
                        let viewer = try await StreamClient(port: reader.port, request)
                        #expect(try await viewer.next().data.contains(#""instance":"reader-1""#))
                        let extra = try await system.number("chorus_reader_extra_subscriptions", at: reader)
                        #expect(extra == 1, "nobody else watches it here")
                        await viewer.close()
                    }
                    let get = try await LoopbackHTTP.exchange(
                        port: reader.port, RequestText.connect(query: query + "&redirect=follow", headers: headers))
                    #expect(get.status == 307)
                    #expect(get.head["location"]?.hasSuffix("/connect?\(query)&redirect=follow&hop=1") == true)
                    let post = try await LoopbackHTTP.exchange(
                        port: reader.port, RequestText.post("/connect", json: follow, headers: headers))
                    #expect(post.status == 307)
                }
                let program = try await LoopbackHTTP.exchange(
                    port: reader.port, RequestText.connect(query: query, headers: [("User-Agent", "curl/8.1")]))
                #expect(program.status == 307)
                let other = try await LoopbackHTTP.get(port: reader.port, "/connect?\(query)&redirect=maybe")
                #expect(other.status == 400 && other.text.contains("redirect must be follow"))
                let metrics = try await reader.get("/metrics").text
                #expect(metrics.contains(#"chorus_placement_served_total{reason="not_redirected"} 4"#))
                await expectEventually {
                    try await system.number("chorus_reader_extra_subscriptions", at: reader) == 0
                }
            }
        }

        @Test func hopsAreBounded() async throws {
            try await PlacedReaders.with { system in
                let video = try #require(await system.foreignVideo(to: 0))
                let port = system.readers[0].port
                for (hop, status) in [(0, 307), (1, 307), (2, 200), (99, 200)] {
                    let query = "userid=u&videoid=\(video)&hop=\(hop)"
                    let viewer = try await StreamClient(port: port, RequestText.connect(query: query))
                    #expect(try await viewer.head().status == status, "hop \(hop)")
                    await viewer.close()
                }
                let bad = try await LoopbackHTTP.get(port: port, "/connect?userid=u&videoid=\(video)&hop=x")
                #expect(bad.status == 400)
            }
        }

        @Test func garbageInTheRegistryIsCountedAndIgnored() async throws {
            try await PlacedReaders.with { system in
                let before = try await system.places(of: Self.videos, at: system.readers[0])
                try system.redis.command("HSET", "readers", "junk", "not an entry")
                try system.redis.command("HSET", "readers", "bad name", "1 a {}")
                try system.redis.command("HSET", "readers", "reader-9", "9999999999999 abc {\"url\":5}")
                for reader in system.readers {
                    await expectEventually(within: 10) {
                        try await system.number("chorus_registry_garbage_entries", at: reader) >= 1
                    }
                    #expect(try await system.places(of: Self.videos, at: reader) == before)
                }
            }
        }

        @Test func aReaderWithoutAddressIsNeverATarget() async throws {
            try await PlacedReaders.with(.init(hidden: ["reader-2"])) { system in
                for reader in system.readers {
                    let places = Set(try await system.places(of: Self.videos, at: reader))
                    #expect(places == ["reader-1", "reader-3"])
                }
            }
        }

        @Test func ofTwoReadersWithOneIDTheLaterOneStaysOut() async throws {
            try await PlacedReaders.with { system in
                let before = try await system.places(of: Self.videos, at: system.readers[0])
                try await PlacedReaders.one("reader-1", .init(), system.redis) { double in
                    await expectEventually(within: 20) {
                        try await double.get("/health/ready").text.contains("same INSTANCE_ID")
                    }
                    // Many announcements later nothing has changed hands.
                    for _ in 0..<5 {
                        try await Task.sleep(for: .milliseconds(PlacedReaders.intervalMilliseconds))
                        #expect(try await system.locate("v1", at: double).instance == before[1])
                        for reader in system.readers {
                            #expect(try await system.places(of: Self.videos, at: reader) == before)
                            #expect(!(try await reader.get("/health/ready").text.contains("same INSTANCE_ID")))
                        }
                    }
                    let own = zip(Self.videos, before).first { $1 == "reader-1" }?.0
                    let (ports, viewer) = try await system.follow(try #require(own), from: double)
                    #expect(ports == [double.port, system.readers[0].port])
                    await viewer.close()
                }
            }
        }
    }
}

extension PlacedReaders {
    func foreignVideo(to index: Int) async -> String? {
        for video in IntegrationTests.PlacementTests.videos {
            let place = try? await locate(video, at: readers[index])
            if let place, place.instance != "reader-\(index + 1)" { return video }
        }
        return nil
    }
}
