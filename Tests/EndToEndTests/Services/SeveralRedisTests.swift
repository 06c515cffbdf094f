import Foundation
import TestSupport
import Testbed
import Testing
import Wire

extension EndToEndTests {
    /// Every service where Redis is several servers: what people do, and a master that dies in the middle of it.
    @Suite struct SeveralRedisTests {
        enum Deployment: String, CaseIterable { case cluster, sentinels }

        /// The servers, and the masters among them at the beginning.
        private struct Redis {
            let nodes: [Node]
            let masters: [Node]
            /// As a service is told, by its name.
            let url: (String) -> String
        }

        private struct Person {
            let name: String
            let token: String
        }

        private struct Services {
            let redis: Redis
            let stats: Node
            let comments: Node
            let likes: Node
            let worker: Node
            let social: Node
            let reader: Node
            let moderator: Person

            var all: [Node] { [stats, comments, likes, worker, social, reader] }

            func send(
                _ method: String, _ node: Node, _ path: String, _ json: String? = nil, as person: Person? = nil
            ) async throws -> HTTPAnswer {
                var headers = person.map { [("Authorization", "Bearer \($0.token)")] } ?? []
                if json != nil { headers.append(("Content-Type", "application/json")) }
                return try await LoopbackHTTP.exchange(
                    port: node.port, RequestText.make(method, path, headers: headers, body: json.map { Array($0.utf8) })
                )
            }

            /// The same, answered as it should be.
            @discardableResult
            func tell(
                _ method: String, _ node: Node, _ path: String, _ json: String? = nil, as person: Person,
                sourceLocation: SourceLocation = #_sourceLocation
            ) async throws -> String {
                let answer = try await send(method, node, path, json, as: person)
                #expect(
                    (200..<300).contains(answer.status), "\(method) \(path): \(answer.text)",
                    sourceLocation: sourceLocation)
                return answer.text
            }

            func register(_ name: String) async throws -> Person {
                let json = #"{"username":"\#(name)","email":"\#(name)@example.org","password":"correct horse"}"#
                let answer = try await send("POST", social, "/api/users/register", json)
                let token = try #require(answer.text.firstMatch(of: /"access_token":"([^"]+)"/), "\(answer.text)").1
                return Person(name: name, token: String(token))
            }

            func post(_ text: String, as person: Person) async throws -> String {
                let answer = try await tell("POST", social, "/api/posts", #"{"content":"\#(text)"}"#, as: person)
                return String(try #require(answer.firstMatch(of: /"id":"([^"]+)"/)).1)
            }

            /// A stream that stands, opened with a ticket.
            func stream(_ query: String, as person: Person) async throws -> StreamClient {
                let answer = try await tell("POST", reader, "/api/stream-tickets", as: person)
                let ticket = try #require(answer.firstMatch(of: /"ticket":"([^"]+)"/)).1
                let path = "\(query)&ticket=\(ticket)"
                let viewer = try await StreamClient(port: reader.port, RequestText.connect(query: path))
                while try await !viewer.next().data.contains(#""type":"connected""#) {}
                #expect(try await send("GET", reader, "/connect?\(path)").status == 401, "a ticket serves once")
                return viewer
            }

            func comment(_ text: String, on video: String, as person: Person) async throws -> Int {
                try await send(
                    "POST", comments, "/comment", #"{"videoid":"\#(video)","comment":"\#(text)"}"#, as: person
                ).status
            }
        }

        private static let videos = (0..<12).map { "v\($0)" }

        /// - Parameter secrets: of `deploy/secrets.sh cluster`: the nodes of a cluster know the users, with their rights there.
        private func start(_ deployment: Deployment, _ testbed: Testbed, _ secrets: String) async throws -> Redis {
            switch deployment {
            case .cluster:
                let users = try text("\(secrets)/redis-users").split(separator: "\n").dropFirst()
                let file = "\(secrets)/test-users"
                try (["user default on nopass ~* &* +@all"] + users.map(String.init)).joined(separator: "\n")
                    .write(toFile: file, atomically: true, encoding: .utf8)
                let cluster = try await testbed.startRedisCluster(
                    replicas: 1, options: RedisOptions(arguments: ["--aclfile", file]))
                return Redis(nodes: cluster.nodes, masters: cluster.masters) { name in
                    let login = (try? self.text("\(secrets)/\(name)-redis-url"))?.firstMatch(of: /\/\/(.*)@/)?.1 ?? ""
                    return cluster.url.replacing("://", with: "://\(login)@")
                }
            case .sentinels:
                let group = try await testbed.startSentinels()
                return Redis(nodes: [group.master] + group.replicas, masters: [group.master]) { _ in group.url }
            }
        }

        private func text(_ file: String) throws -> String {
            try String(contentsOf: URL(filePath: file), encoding: .utf8)
        }

        private func withServices(_ deployment: Deployment, _ body: (Services) async throws -> Void) async throws {
            let database = try await sharedPostgres().makeDatabase()
            try await withTestbed { testbed async throws in
                try await withTemporaryFolder { folder async throws in
                    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                        .deletingLastPathComponent().deletingLastPathComponent()
                    let secrets = "\(folder)/secrets"
                    let program = try await Program(
                        "/bin/sh", [root.appending(path: "deploy/secrets.sh").path, secrets, "cluster"], folder: folder)
                    #expect(await program.end() == 0, "\(program.log)")
                    let redis = try await start(deployment, testbed, secrets)
                    var statistics: String?
                    let common = System.quick.merging([
                        "AUTH": "required", "AUTH_KEYS_FILE": "\(secrets)/auth-keys",
                        "SERVICE_TOKEN_FILE": "\(secrets)/service-token",
                        "MODERATOR_TOKEN_FILE": "\(secrets)/moderator-token", "REDIS_REPLICAS_ACK": "1",
                        "LIMITS": "comments:user=200/10 likes:user=200/10 reports:user=1/600 tickets:user=200/10",
                        "OUTBOX_INTERVAL_MS": "100", "OUTBOX_GRACE_SECONDS": "5",
                        "DATABASE_STATEMENT_TIMEOUT_MS": "1000", "LIKE_WRITE_INTERVAL_MS": "20",
                        "LIKE_CLAIM_MS": "200", "NOTIFICATION_INTERVAL_MS": "50",
                    ]) { $1 }
                    func add(
                        _ role: Node.Role, _ user: String, _ own: [String: String] = [:]
                    ) async throws -> Node {
                        let told = ServiceEnvironment(
                            redis: redis.url(user), statistics: statistics, database: database)
                        return try await testbed.addService(role, told, common.merging(own) { $1 })
                    }
                    let stats = try await add(.statistics, "stats-api")
                    statistics = stats.url
                    let services = Services(
                        redis: redis, stats: stats, comments: try await add(.commentAPI, "comment-api"),
                        likes: try await add(.likeAPI, "like-api"), worker: try await add(.likeWorker, "like-api"),
                        social: try await add(
                            .socialAPI, "social-api", ["AUTH_SIGNING_KEY_FILE": "\(secrets)/auth-signing-key"]),
                        reader: try await add(.reader, "reader-api", ["PLACEMENT": "overflow"]),
                        moderator: Person(name: "moderator", token: try text("\(secrets)/moderator-token")))
                    try await Node.waitUntilReady(services.all)
                    #expect(await eventually(within: 30) { services.likes.log.contains("PostgreSQL is ready") })
                    try await body(services)
                    try expectNoFaults(services)
                }
            }
        }

        /// What a redirection or a failover explains aside, no server refused anything.
        private func expectNoFaults(_ services: Services) throws {
            // After a failover Sentinels let a server write its configuration, and here there is no file of it.
            let isCluster = services.redis.masters.count > 1
            let faults = ["CROSSSLOT", "EXECABORT", "WRONGTYPE", "NOPERM"] + (isCluster ? ["ERR"] : [])
            for node in services.redis.nodes where node.isRunning {
                let text = try node.command("INFO", "errorstats")
                for line in text.split(separator: "\r\n") where line.hasPrefix("errorstat_") {
                    let code = String(line.dropFirst("errorstat_".count).prefix { $0 != ":" })
                    #expect(!faults.contains(code), "\(node.name): \(line)")
                }
            }
        }

        @Test(arguments: Deployment.allCases) func peopleNoticeNothingOfIt(deployment: Deployment) async throws {
            try await withServices(deployment) { services in
                let anna = try await services.register("anna")
                let bert = try await services.register("bert")
                let curt = try await services.register("curt")
                let post = try await follow(services, anna, bert)
                try await likeAndComment(services, post, anna, bert)
                try await refuse(services, curt)
                try await expectStatistics(services, anna)
                try await dieInTheMiddle(services, anna, bert, curt)
                try await leave(services, post, bert, curt)
            }
        }

        /// A feed: read from the database, then from Redis, and pushed to.
        private func follow(_ services: Services, _ anna: Person, _ bert: Person) async throws -> String {
            try await services.tell("PUT", services.social, "/api/users/anna/follow", as: bert)
            let post = try await services.post("at the harbour", as: anna)
            for _ in 0..<2 {
                #expect(try await services.tell("GET", services.social, "/api/feed", as: bert).contains(post))
            }
            try await expectPushed(services, anna, bert, "a second one")
            #expect(
                try await services.tell("GET", services.social, "/api/search?q=harbour", as: bert)
                    .contains(#""content":"at the harbour""#))
            return post
        }

        private func expectPushed(_ services: Services, _ anna: Person, _ bert: Person, _ text: String) async throws {
            let post = try await services.post(text, as: anna)
            #expect(
                await eventually(within: 30) {
                    try await services.send("GET", services.social, "/api/feed", as: bert).text.contains(post)
                }, "\(text)")
        }

        private func likeAndComment(
            _ services: Services, _ post: String, _ anna: Person, _ bert: Person
        ) async throws {
            let owner = try await services.stream("notifications=true", as: anna)
            let viewer = try await services.stream("postid=\(post)&photoids=\(post),other", as: anna)
            let like = #"{"post_id":"\#(post)","user_id":"bert"}"#
            let answer = try await services.tell("POST", services.likes, "/v1/likes", like, as: bert)
            #expect(answer.contains(#""count":1"#), "\(answer)")
            _ = try await viewer.body { $0.contains(#""count":1,"#) }
            _ = try await owner.body { $0.contains("liked your photo") }
            let path = "/api/posts/\(post)/comments"
            try await services.tell("POST", services.comments, path, #"{"content":"by bert"}"#, as: bert)
            _ = try await viewer.body { $0.contains("by bert") }
            #expect(try await services.tell("GET", services.comments, path, as: anna).contains("by bert"))
            #expect(
                await eventually(within: 30) {
                    let list = try await services.send("GET", services.likes, "/api/notifications", as: anna).text
                    return ["likes", "follow", "comment"].allSatisfy { list.contains("\"type\":\"\($0)\"") }
                })
            let feed = try await services.tell("GET", services.social, "/api/feed", as: bert)
            #expect(feed.contains(#""likes":1"#) && feed.contains(#""liked":true"#), "\(feed)")
            for client in [owner, viewer] { await client.close() }
        }

        /// Limits of users and addresses, and a slow mode.
        private func refuse(_ services: Services, _ curt: Person) async throws {
            let report = #"{"type":"user","id":"anna","reason":"none"}"#
            #expect(try await services.send("POST", services.social, "/api/reports", report, as: curt).status == 201)
            #expect(try await services.send("POST", services.social, "/api/reports", report, as: curt).status == 429)
            try await services.tell(
                "PUT", services.comments, "/slow-mode", #"{"videoid":"slow","seconds":600}"#, as: services.moderator)
            #expect(try await services.comment("one", on: "slow", as: curt) == 201)
            #expect(try await services.comment("two", on: "slow", as: curt) == 429)
        }

        private func expectStatistics(_ services: Services, _ anna: Person) async throws {
            var viewers: [StreamClient] = []
            for video in Self.videos { viewers.append(try await services.stream("videoid=\(video)", as: anna)) }
            let count = Self.videos.count
            var last = ""
            let isWhole = await eventually(within: 30) {
                let answer = try await services.send("GET", services.stats, "/statistics", as: services.moderator)
                last = answer.text
                let statistics = try JSONDecoder().decode(Statistics.self, from: Data(answer.body))
                return statistics.readerApis.totalActiveConnections == count
                    && statistics.subscriptionSpread.redisSubscriptions == count
                    // Sentinels have one of their own.
                    && [count, count + 1].contains(statistics.subscriptionSpread.redisChannels ?? 0)
            }
            #expect(isWhole, "\(last)")
            for video in Self.videos {
                #expect(
                    await eventually {
                        try await services.send("GET", services.reader, "/viewers?videoid=\(video)", as: anna).text
                            .contains(#""viewers":1"#)
                    }, "\(video)")
            }
            for viewer in viewers { await viewer.close() }
        }

        /// A master dies: what is answered with 201 or 202 reaches every viewer once, likes stay exact, and revocations,
        /// tickets, limits and feeds go on.
        private func dieInTheMiddle(
            _ services: Services, _ anna: Person, _ bert: Person, _ curt: Person
        ) async throws {
            func like(_ video: String, as person: Person) async throws -> Int {
                let json = #"{"post_id":"of-\#(video)","user_id":"\#(person.name)"}"#
                return try await services.send("POST", services.likes, "/v1/likes", json, as: person).status
            }
            var viewers: [StreamClient] = []
            for video in Self.videos {
                viewers.append(try await services.stream("videoid=\(video)", as: anna))
                #expect(try await services.comment("before", on: video, as: bert) == 201)
                #expect(try await like(video, as: bert) == 200)
            }
            for master in services.redis.masters { #expect(await eventually { try await isReplicated(master) }) }
            try expectNoFaults(services)
            let dead = services.redis.masters[0]
            await dead.kill()
            for video in Self.videos {
                var status = 0
                #expect(
                    await eventually(within: 60) {
                        status = try await services.comment("after", on: video, as: curt)
                        return status == 201 || status == 202
                    }, "\(video): \(status)")
                #expect(
                    await eventually(within: 60) {
                        status = try await like(video, as: curt)
                        return status == 200
                    }, "\(video): \(status)")
            }
            // It comes back as a replica, without which nothing is acknowledged.
            try await dead.start()
            for (video, viewer) in zip(Self.videos, viewers) {
                for text in ["before", "after"] {
                    let event = try await viewer.nextComment(within: 60)
                    #expect(event.data.contains("\"comment\":\"\(text)\""), "\(video): \(event)")
                }
                await viewer.close()
                #expect(
                    await eventually(within: 30) {
                        try await services.send("GET", services.likes, "/v1/likes/of-\(video)", as: anna).text
                            .contains(#""count":2,"#)
                    }, "\(video)")
            }
            #expect(await eventually(within: 30) { try await services.comment("whole", on: "v0", as: bert) == 201 })
            try await expectPushed(services, anna, bert, "after the failover")
        }

        /// A log-out and an account that is given up are known everywhere.
        private func leave(_ services: Services, _ post: String, _ bert: Person, _ curt: Person) async throws {
            try await services.tell("POST", services.social, "/api/users/logout", as: curt)
            #expect(await eventually(within: 30) { try await services.comment("no", on: "v0", as: curt) == 401 })
            try await services.tell(
                "DELETE", services.social, "/api/users/me", #"{"password":"correct horse"}"#, as: bert)
            #expect(
                await eventually(within: 60) {
                    let moderator = services.moderator
                    let likes = try await services.send("GET", services.likes, "/v1/likes/\(post)", as: moderator)
                    let page = try await services.send(
                        "GET", services.comments, "/api/posts/\(post)/comments", as: moderator)
                    return likes.text.contains(#""count":0,"#) && page.text.contains(#""removed":true"#)
                })
            var status = 0
            let isOut = await eventually(within: 30) {
                status = try await services.send("GET", services.social, "/api/feed", as: bert).status
                return status == 401
            }
            #expect(isOut, "\(status)")
        }
    }
}
