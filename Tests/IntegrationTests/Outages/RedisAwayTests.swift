import Broker
import Logging
import RedisNIO
import TestSupport
import Testbed
import Testing
import Wire

@testable import Fanout

extension IntegrationTests {
    @Suite struct RedisAwayTests {
        private func expectUnavailable(_ system: TestSystem) async throws {
            await expectEventually { try await system.reader.get("/health/ready").status == 503 }
            await expectEventually { try await system.comments.get("/health/ready").status == 503 }
            let comment = try await system.tryToWrite("lost?", to: "v")
            let connect = try await LoopbackHTTP.exchange(port: system.reader.port, RequestText.connect(video: "new"))
            for answer in [comment, connect] {
                #expect(answer.status == 503 && answer.head["retry-after"] == "1")
                #expect(answer.text.contains(#""code":"broker_unavailable""#))
            }
            for service in [system.comments, system.reader] { #expect(try await service.get("/health").status == 200) }
        }

        /// Redis stops in order and comes back with what it had.
        @Test func everythingRecoversByItself() async throws {
            try await TestSystem.with(.init(appendOnly: .always)) { system in
                let viewer = try await system.connectedViewer(of: "v")
                let before = try await system.write("before", to: "v")
                #expect(try await viewer.comments(1) == ["before"])
                await system.redis.stop()
                try await expectUnavailable(system)
                try await system.redis.start()
                // By a publisher that is back at once, before the Reader is.
                let meanwhile = try await publishDirectly("meanwhile", to: "v", system.redis)
                #expect(meanwhile.epoch == before.epoch)
                await expectEventually { try await system.isReady }
                try await system.write("after", to: "v")
                // No gap: what was refused was never published.
                #expect(try await viewer.comments(2) == ["meanwhile", "after"])
                let newcomer = try await system.connectedViewer(of: "new")
                try await system.write("new", to: "new")
                #expect(try await newcomer.comments(1) == ["new"])
            }
        }

        @Test func aRedisThatLostEverythingIsTold() async throws {
            try await TestSystem.with { system in
                let viewer = try await system.connectedViewer(of: "v")
                try await system.writeNumbers(1...3)
                #expect(try await viewer.comments(3) == ["1", "2", "3"])
                await system.redis.kill()
                try await expectUnavailable(system)
                try await system.redis.start()
                await expectEventually { try await system.isReady }
                let placed = try await system.write("after", to: "v")
                try await expectGap(#"{"from":4,"reason":"epoch_changed"}"#, id: "0.\(placed.epoch)", at: viewer)
                #expect(try await viewer.comments(1) == ["after"])
            }
        }

        /// Not dead but silent: nobody is told that a comment was published, and nobody waits for ever.
        @Test func aRedisThatDoesNotAnswer() async throws {
            try await TestSystem.with { system in
                system.redis.pause()
                async let comment = system.tryToWrite("lost?", to: "v")
                async let connect = LoopbackHTTP.exchange(port: system.reader.port, RequestText.connect(video: "v"))
                let answers = try await [comment, connect]
                #expect(answers.map(\.status) == [503, 503] && answers.allSatisfy { $0.head["retry-after"] == "1" })
                system.redis.resume()
                await expectEventually { try await system.isReady }
                let viewer = try await system.connectedViewer(of: "v")
                try await system.write("after", to: "v")
                // The first comment may have been published or not; the answer said that nobody knows.
                _ = try await viewer.body { $0.contains(#""comment":"after""#) }
            }
        }

        @Test func nothingIsLostWhenTheSubscriberIsKilled() async throws {
            try await TestSystem.with { system in
                let viewer = try await system.connectedViewer(of: "v")
                let quiet = try await system.connectedViewer(of: "quiet")
                var written: [String] = []
                for round in 1...3 {
                    await expectEventually { try system.redis.command("CLIENT", "KILL", "TYPE", "pubsub") == ":1\r\n" }
                    for number in 1...5 {
                        written.append("\(round).\(number)")
                        try await system.write("\(round).\(number)", to: "v")
                    }
                }
                #expect(try await viewer.comments(15) == written)
                #expect(system.hub.counters.repairs > 0, "the kills must have cost messages, or this shows nothing")
                await expectEventually { try system.subscriptions(of: "quiet") == 1 }
                try await system.write("quiet", to: "quiet")
                #expect(try await quiet.comments(1) == ["quiet"])
            }
        }

        /// What a reconnect costs Redis is a matter of the channels in which something happened, not of all that are watched.
        @Test func onlyChannelsThatMovedAreReadAfterAReconnect() async throws {
            try await TestSystem.with { system in
                let moved = ["m1", "m2", "m3"]
                var viewers: [StreamClient] = []
                for video in moved {
                    try await system.write("before", to: video)
                    viewers.append(try await system.connectedViewer(of: video))
                }
                var quiet: [Reservation] = []
                for number in 0..<1_000 {
                    quiet.append(try await system.hub.join([try #require(Channel.video("quiet-\(number)"))]))
                }
                // Redis refuses subscriptions until everything that happens meanwhile has happened.
                try system.redis.command("ACL", "SETUSER", "default", "-subscribe")
                await expectEventually { try system.redis.command("CLIENT", "KILL", "TYPE", "pubsub") == ":1\r\n" }
                for video in moved { try await system.write("meanwhile", to: video) }
                try system.redis.command("CONFIG", "RESETSTAT")
                try system.redis.command("ACL", "SETUSER", "default", "+subscribe")
                for viewer in viewers { #expect(try await viewer.comments(1) == ["meanwhile"]) }
                await expectEventually { system.hub.step { $0.entries.values.allSatisfy { $0.phase == .live } } }
                let statistics = try system.redis.command("INFO", "commandstats")
                #expect(calls(of: "xrange", in: statistics) == 2 * moved.count)
                // A position for each channel, in pipelines; histories where one has moved.
                let positionReads = calls(of: "get", in: statistics)
                #expect((1_003...1_100).contains(positionReads), "\(positionReads) reads of positions")
                #expect(system.hub.counters.repairs == moved.count)
                withExtendedLifetime(quiet) {}
            }
        }

        private func calls(of command: String, in statistics: String) -> Int {
            let line = statistics.split(separator: "\r\n").first { $0.hasPrefix("cmdstat_\(command):calls=") }
            return line.flatMap { Int($0.dropFirst("cmdstat_\(command):calls=".count).prefix { $0 != "," }) } ?? 0
        }

        private func publishDirectly(_ text: String, to video: String, _ redis: Node) async throws -> Position {
            let channel = try #require(Channel.video(video))
            let comment = Wire.Comment(id: "1", userid: "writer", videoid: video, comment: text, timestamp: "")
            let broker = RedisBroker(
                endpoint: try RedisEndpoint(parsing: redis.url),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            return try await withBackground({ try await broker.run() }) {
                try await broker.publish(EventStream.frame(data: comment.json()), to: channel)
            }
        }
    }
}
