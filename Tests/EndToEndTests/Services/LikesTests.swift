import TestSupport
import Testbed
import Testing
import Wire

extension EndToEndTests {
    /// Two LikeAPIs and a Reader on one Redis and one PostgreSQL.
    @Suite struct LikesTests {
        private struct Likes: Sendable {
            let likeAPIs: [Int]
            let reader: Int

            func like(_ user: String, on replica: Int = 0) async throws -> HTTPAnswer {
                try await LoopbackHTTP.post(
                    port: likeAPIs[replica], "/v1/likes", json: #"{"user_id":"\#(user)","post_id":"p"}"#)
            }

            func follow(_ query: String) async throws -> StreamClient {
                let viewer = try await StreamClient(port: reader, RequestText.connect(query: query))
                #expect(try await viewer.next().data.contains(#""type":"connected""#))
                return viewer
            }
        }

        private func withSystem(_ body: (Likes) async throws -> Void) async throws {
            try await withTestbed { testbed in
                let (redis, postgres) = (try await testbed.startRedis(), try await testbed.startQuickPostgres())
                let told = ServiceEnvironment(redis: redis.url, database: try await postgres.makeDatabase())
                let quick = System.quick.merging(
                    ["LIKE_WRITE_INTERVAL_MS": "20", "NOTIFICATION_INTERVAL_MS": "50", "LIKE_ROLE": "all"]) { $1 }
                var nodes: [Node] = []
                for number in 1...2 {
                    nodes.append(try await testbed.addService(.likeAPI, number: number, told, quick))
                }
                let reader = try await testbed.addService(.reader, told, quick.merging(["PLACEMENT": "random"]) { $1 })
                try await Node.waitUntilReady(nodes + [reader])
                // Ready to serve is not yet ready to record: the schema comes a moment later.
                for node in nodes {
                    #expect(await eventually(within: 30) { node.log.contains("PostgreSQL is ready") }, "\(node.log)")
                }
                try await body(Likes(likeAPIs: nodes.map(\.port), reader: reader.port))
            }
        }

        /// Events until one whose data holds `text`.
        private func wait(for text: String, on viewer: StreamClient) async throws -> ServerSentEvent {
            while true {
                let event = try await viewer.next()
                if event.data.contains(text) { return event }
            }
        }

        @Test func theOwnerAndWhoLikedBeforeHearOfALike() async throws {
            try await withSystem { system in
                let registered = try await LoopbackHTTP.post(
                    port: system.likeAPIs[0], "/v1/photos", json: #"{"post_id":"p","owner_id":"me"}"#)
                #expect(registered.status == 201)
                #expect(try await system.like("early").text.contains(#""count":1"#))
                let owner = try await system.follow("userid=me&notifications=true")
                let before = try await system.follow("userid=early&photoid=p")
                _ = try await wait(for: #""count":1,"#, on: before)
                #expect(try await system.like("late", on: 1).status == 200)
                let count = try await wait(for: #""count":2,"#, on: before)
                #expect(count.name == "likes" && count.data.contains(#""photoid":"p""#))
                let news = try await wait(for: "late and 1 other liked your photo", on: owner)
                #expect(news.data.contains(#""unread":true"#))
                try await readTheNews(system)
            }
        }

        private func readTheNews(_ system: Likes) async throws {
            let port = system.likeAPIs[1]
            let list = try await LoopbackHTTP.get(port: port, "/v1/notifications?user_id=me")
            #expect(list.text.contains(#""unread":1"#), "\(list.text)")
            let marked = try await LoopbackHTTP.post(port: port, "/v1/notifications/read", json: #"{"user_id":"me"}"#)
            #expect(marked.status == 200)
            let after = try await LoopbackHTTP.get(port: port, "/v1/notifications?user_id=me")
            #expect(after.text.contains(#""unread":0"#), "\(after.text)")
        }

        /// On one connection answers come in the order of the requests, refusals too.
        @Test func answersComeInTheOrderOfTheRequests() async throws {
            try await withSystem { system in
                func like(_ user: String) -> [UInt8] {
                    RequestText.post("/v1/likes", json: #"{"user_id":"\#(user)","post_id":"p"}"#)
                }
                let odd = RequestText.post("/v1/likes", json: #"{"user_id":"a b","post_id":"p"}"#)
                let state = RequestText.make("GET", "/v1/likes/p")
                let all = like("a") + like("b") + odd + like("c") + state + like("d") + like("d")
                let text = try await LoopbackHTTP.talk(port: system.likeAPIs[0], [all])
                let counts = text.split(separator: "\"count\":").dropFirst().compactMap { Int($0.prefix { $0 != "," }) }
                #expect(counts == [1, 2, 3, 3, 4, 4], "\(text)")
                let codes = text.split(separator: "HTTP/1.1 ").map { String($0.prefix(3)) }
                #expect(codes == ["200", "200", "400", "200", "200", "200", "200"], "\(text)")
                #expect(text.ranges(of: "Date: ").count == 7)
            }
        }

        @Test func bothAtOnceFromTwoReplicasAreExact() async throws {
            try await withSystem { system in
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for number in 0..<40 {
                        for replica in 0...1 {
                            group.addTask { try await system.like("user\(number)", on: replica).status }
                        }
                    }
                    for try await status in group { #expect(status == 200) }
                }
                for replica in 0...1 {
                    #expect(
                        await eventually {
                            try await LoopbackHTTP.get(port: system.likeAPIs[replica], "/v1/likes/p").text
                                .contains(#""count":40,"#)
                        })
                }
                let metrics = try await LoopbackHTTP.get(port: system.likeAPIs[0], "/metrics").text
                let help = metrics.split(separator: "\n").filter { $0.hasPrefix("# HELP chorus_likes_") }
                #expect(help.count > 10)
                // A sentence, and not the metric's name once more.
                #expect(help.allSatisfy { $0.hasSuffix(".") }, "\(help)")
            }
        }
    }
}
