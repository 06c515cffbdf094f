import Foundation
import Glibc
import TestSupport
import Testbed
import Testing
import Wire

extension EndToEndTests {
    @Suite struct SystemTests {
        @Test func oneCommentReachesTheViewersOfAllReaders() async throws {
            try await System.with(readers: 3) { system in
                var viewers: [StreamClient] = []
                for reader in 0..<3 {
                    for _ in 0..<2 { viewers.append(try await system.viewer(of: "hot", on: reader)) }
                }
                let other = try await system.viewer(of: "cold", on: 1)
                // Counts of viewers are no messages: the figures below are the same however many came.
                while try await other.next().name != "viewers" {}
                for number in 1...3 { try await system.write("comment \(number)", to: "hot") }
                for viewer in viewers {
                    for number in 1...3 {
                        #expect(try await viewer.nextComment().data.contains(#""comment":"comment \#(number)""#))
                    }
                }
                try await system.write("cold", to: "cold")
                #expect(try await other.nextComment().data.contains(#""comment":"cold""#))
                try await expectStatistics(system)
                try await expectFields(system)
                try await expectTheSameAfterARestart(system, viewers + [other])
            }
        }

        /// Three Readers on `hot`, one of them on `cold` too.
        private func isWhole(_ statistics: Statistics) -> Bool {
            statistics.readerApis.totalReaders == 3 && statistics.readerApis.totalActiveConnections == 7
                && statistics.subscriptionSpread.subscriptions == 4
                && statistics.subscriptionSpread.redisSubscriptions == 4
        }

        private func expectStatistics(_ system: System) async throws {
            let statistics = try await system.statistics {
                isWhole($0) && $0.commentApi.totalCommentsPublished == 4 && $0.readerApis.totalMessagesSent == 19
                    && $0.subscriptionSpread.weightedAmplification != nil
            }
            let readers = statistics.readerApis
            #expect(readers.totalReaders == 3)
            #expect(readers.totalActiveConnections == 7)
            #expect(readers.totalMessagesSent == 6 * 3 + 1)
            #expect(readers.totalMessagesReceived == 3 * 3 + 1)
            #expect(readers.allSubscribedTopics == ["video:cold", "video:hot"])
            #expect(readers.readers.map(\.instanceId).sorted() == ["reader-1", "reader-2", "reader-3"])
            #expect(statistics.commentApi.totalCommentsReceived == 4)
            #expect(statistics.commentApi.totalCommentsPublished == 4)
            let spread = statistics.subscriptionSpread
            #expect(spread.channels == 2)
            #expect(spread.subscriptions == 4)
            #expect(spread.redisSubscriptions == 4, "Redis's own count agrees with the reported one")
            #expect(spread.redisChannels == 2)
            #expect(spread.readers.map(\.share).sorted() == [0.5, 0.5, 1])
            #expect(spread.meanShare == 2.0 / 3)
            #expect(spread.minShare == 0.5)
            #expect(spread.maxShare == 1)
            #expect(spread.amplification == 2)
            #expect(spread.wastedShare == 0.5)
            // Three of four comments went to three Readers, one to one.
            #expect(abs((spread.weightedAmplification ?? 0) - 2.5) < 1e-9)
            // 1-(1-1/3)^6 for `hot` and 1/3 for `cold`.
            let predicted = (1 - pow(2.0 / 3, 6) + 1.0 / 3) / 2
            #expect(abs((spread.predictedShare ?? 0) - predicted) < 0.001)
        }

        /// The names that the reference design's answer has, at CommentAPI too.
        private func expectFields(_ system: System) async throws {
            for node in [system.stats, system.comments] {
                let answer = try await node.get("/statistics")
                let object = try #require(try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])
                let names: [String: [String]] = [
                    "commentApi": ["totalCommentsPublished"],
                    "readerApis": [
                        "totalReaders", "totalActiveConnections", "totalMessagesSent", "allSubscribedTopics", "readers",
                    ], "clients": ["totalClients", "totalCommentsGenerated", "totalCommentsConsumed", "clients"],
                    "subscriptionSpread": [
                        "readers", "meanShare", "minShare", "maxShare", "predictedShare", "amplification",
                        "weightedAmplification", "wastedShare", "redisSubscriptions",
                    ],
                ]
                for (name, members) in names {
                    let inner = try #require(object[name] as? [String: Any], "\(name)")
                    for member in members { #expect(inner[member] != nil, "\(name).\(member)") }
                }
                let stored = try #require(object["storedComments"] as? [String: Any])
                let latest = try #require(stored["latestComments"] as? [[String: Any]])
                #expect(stored["total"] as? Int == 4)
                #expect(stored["showing"] as? String == "4 of 4 latest comments")
                #expect(Set(latest.compactMap { $0["videoid"] as? String }) == ["hot", "cold"])
                #expect((object["timestamp"] as? String)?.hasSuffix("Z") == true)
            }
        }

        /// StatsAPI keeps nothing on disk: the Readers notice that it knows nothing, and tell it everything.
        private func expectTheSameAfterARestart(_ system: System, _ viewers: [StreamClient]) async throws {
            #expect(await system.stats.end(by: SIGTERM) == 0)
            let away = try await system.comments.get("/statistics")
            #expect(away.status == 502)
            #expect(away.text.contains(#""code":"statistics_unavailable""#))
            try await system.stats.start()
            let statistics = try await system.statistics { isWhole($0) }
            #expect(isWhole(statistics), "\(statistics)")
            #expect(statistics.readerApis.allSubscribedTopics == ["video:cold", "video:hot"])
            // And it goes on from there with changes.
            for viewer in viewers { await viewer.close() }
            let empty = try await system.statistics {
                $0.subscriptionSpread.subscriptions == 0 && $0.readerApis.totalActiveConnections == 0
            }
            #expect(empty.subscriptionSpread.subscriptions == 0)
            #expect(empty.readerApis.totalActiveConnections == 0)
            #expect(try system.redis.command("PUBSUB", "CHANNELS", "video:*") == "*0\r\n")
        }

        /// A crowd that comes and goes, on each transport of Socket.IO and sent to its channels' Readers: nothing is lost,
        /// repeated or reordered, and whoever should get a WebSocket does.
        @Test func aCrowdOnSocketIOGetsEverything() async throws {
            try await System.with(readers: 2, environment: ["PLACEMENT": "overflow"]) { system in
                for (transport, hasUpgrades) in [("socketio", false), ("websocket-polling", true), ("polling", false)] {
                    let upgrades = try await upgrades(system)
                    try await withTemporaryFolder { folder in
                        let line =
                            "swarm --json --streams 3 --viewers 60 --audience uniform --rate 60 --duration 2 --churn 10"
                            + " --transport \(transport) --channel-prefix \(transport)- --comment-api \(system.comments.url)"
                            + " --readers \(system.readers.map(\.url).joined(separator: ","))"
                        let swarm = try await Program(
                            "SimClient", line.split(separator: " ").map(String.init), folder: folder)
                        try await withEnd({ await swarm.stop() }) {
                            #expect(await swarm.end(within: 60) == 0, "\(transport): \(swarm.log)")
                            let delivered = swarm.log.firstMatch(of: /"delivered" ?: ?([0-9]+)/).flatMap { Int($0.1) }
                            #expect(delivered ?? 0 > 1_000, "\(transport): \(swarm.log)")
                        }
                    }
                    let more = try await self.upgrades(system) - upgrades
                    #expect(hasUpgrades ? more >= 60 : more == 0, "\(transport): \(more)")
                }
            }
        }

        /// Sessions that went from polls to a WebSocket, on all Readers.
        private func upgrades(_ system: System) async throws -> Int {
            var upgrades = 0
            for reader in system.readers {
                let text = try await reader.get("/metrics").text
                let match = text.firstMatch(of: /\nchorus_reader_socketio_upgrades_total ([0-9]+)/)
                upgrades += match.flatMap { Int($0.1) } ?? 0
            }
            return upgrades
        }

        @Test func longListsAreCutWithTheTrueNumberBeside() async throws {
            try await System.with { system in
                var viewers: [StreamClient] = []
                for number in 0..<120 { viewers.append(try await system.viewer(of: "v\(number)")) }
                let cut = try await system.statistics { $0.readerApis.totalSubscribedTopics == 120 }
                #expect(cut.readerApis.totalSubscribedTopics == 120)
                #expect(cut.readerApis.allSubscribedTopics.count == 100)
                #expect(cut.readerApis.readers.first?.subscribedTopics.count == 100)
                #expect(cut.readerApis.readers.first?.totalSubscribedTopics == 120)
                for node in [system.stats, system.comments] {
                    #expect(
                        try await system.statistics("?full=true", from: node).readerApis.allSubscribedTopics.count
                            == 120
                    )
                }
                #expect(viewers.count == 120)
            }
        }
    }
}
