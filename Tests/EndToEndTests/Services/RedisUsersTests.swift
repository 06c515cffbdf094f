import Foundation
import TestSupport
import Testbed
import Testing

extension EndToEndTests {
    /// `deploy/redis/users.acl`: the rights that each service has in Redis.
    @Suite struct RedisUsersTests {
        private struct User: Sendable {
            let name: String
            let rules: [String]

            /// A line of the list; a selector in parentheses is one rule.
            init(_ line: Substring) {
                let parts = line.split(separator: " (", maxSplits: 1)
                let words = parts[0].split(separator: " ").map(String.init)
                name = words[1]
                rules = Array(words.dropFirst(2)) + parts.dropFirst().map { "(" + $0 }
            }

            /// As in the environment of a service.
            func url(_ redis: Node) -> String { "redis://\(name):secret-of-\(name)@127.0.0.1:\(redis.port)" }

            /// Gives the user these rights and no others.
            func set(_ rules: [String], in redis: Node) throws {
                let answer = try redis.command(
                    ["ACL", "SETUSER", name, "reset", "on", ">secret-of-\(name)", "resetchannels"] + rules)
                try #require(answer == "+OK\r\n", "\(name): \(answer)")
            }
        }

        /// What may be missing without any harm but that a connection has no name, or that a refusal of writes or a restart
        /// of Redis shows later.
        private static let optional = ["+info", "+client|setname", "+setrange", "~probe:write"]

        private static let programs = [
            "comment-api": "CommentAPI", "like-api": "LikeAPI", "reader-api": "ReaderAPI", "stats-api": "StatsAPI",
            "social-api": "SocialAPI",
        ]

        private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()

        private static func users() throws -> [User] {
            let text = try String(contentsOf: root.appending(path: "deploy/redis/users.acl"), encoding: .utf8)
            return text.split(separator: "\n").map(User.init)
        }

        private func withUsers(_ body: (Node, [String: User]) async throws -> Void) async throws {
            try await withRedis { redis async throws in
                let users = try Self.users()
                for user in users { try user.set(user.rules, in: redis) }
                try await body(redis, Dictionary(uniqueKeysWithValues: users.map { ($0.name, $0) }))
            }
        }

        @Test func operationsShowsTheList() throws {
            let list = try String(contentsOf: Self.root.appending(path: "deploy/redis/users.acl"), encoding: .utf8)
            let page = try String(contentsOf: Self.root.appending(path: "docs/OPERATIONS.md"), encoding: .utf8)
            #expect(page.contains("```\n\(list)```\n"))
            #expect(try Set(Self.users().map(\.name)) == Set(Self.programs.keys))
        }

        /// `deploy/secrets.sh`: the users that it makes for Redis log in with the addresses that it makes for services.
        @Test func theSecretsOfADeploymentFitTogether() async throws {
            try await withRedis { redis async throws in
                try await withTemporaryFolder { folder async throws in
                    let secrets = "\(folder)/secrets"
                    func text(_ name: String) throws -> String {
                        try String(contentsOf: URL(filePath: "\(secrets)/\(name)"), encoding: .utf8)
                    }
                    func make() async throws {
                        let script = Self.root.appending(path: "deploy/secrets.sh").path
                        let program = try await Program("/bin/sh", [script, secrets, "tls"], folder: folder)
                        #expect(await program.end() == 0, "\(program.log)")
                    }
                    try await make()
                    for line in try text("redis-users").split(separator: "\n") where !line.hasPrefix("user default") {
                        let user = User(line)
                        let answer = try redis.command(["ACL", "SETUSER", user.name] + user.rules)
                        #expect(answer == "+OK\r\n", "\(user.name): \(answer)")
                    }
                    #expect(try text("redis-users").hasPrefix("user default off\n"))
                    for name in Self.programs.keys {
                        let url = try text("\(name)-redis-url")
                        #expect(url.hasPrefix("rediss://\(name):") && url.hasSuffix("@redis:6379\n"))
                        let here = url.replacing("rediss:", with: "redis:")
                            .replacing("@redis:6379\n", with: "@127.0.0.1:\(redis.port)")
                        #expect(try await check(name, here) == 0)
                    }
                    let before = try text("postgres-password")
                    let database = try text("database-url")
                    #expect(before.count == 48 && database.contains(":\(before)@postgres:5432"))
                    #expect(database.contains("sslmode=verify-full"))
                    // What is there is kept, and what is not is made.
                    let users = try text("redis-users")
                    try FileManager.default.removeItem(atPath: "\(secrets)/redis-users")
                    try await make()
                    #expect(try text("redis-users") == users)
                    #expect(try text("postgres-password") == before)
                    // Of two that belong together the other one is not made anew.
                    try FileManager.default.removeItem(atPath: "\(secrets)/auth-signing-key")
                    let script = Self.root.appending(path: "deploy/secrets.sh").path
                    let program = try await Program("/bin/sh", [script, secrets], folder: folder)
                    #expect(await program.end() == 65)
                }
            }
        }

        /// Every right is one that the service itself says it needs, except for the optional ones.
        @Test(arguments: Array(programs.keys.sorted())) func noRightIsTooMuch(name: String) async throws {
            try await withUsers { redis, users async throws in
                let user = try #require(users[name])
                #expect(try await check(name, user.url(redis)) == 0)
                for (index, rule) in user.rules.enumerated() where !Self.optional.contains(rule) {
                    var fewer = user.rules
                    fewer.remove(at: index)
                    try user.set(fewer, in: redis)
                    #expect(try await check(name, user.url(redis)) == 69, "without \(rule)")
                }
            }
        }

        /// The code of `--check-configuration`.
        private func check(_ user: String, _ url: String) async throws -> Int32? {
            try await withTemporaryFolder { folder in
                let name = try #require(Self.programs[user])
                // All that a service may need: it asks for tokens. The check reads no file.
                let environment = [
                    "REDIS_URL": url, "AUTH": "optional", "AUTH_KEYS_FILE": "\(folder)/keys.json",
                    "AUTH_SIGNING_KEY_FILE": "\(folder)/signing.json",
                    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
                ]
                let program = try await Program(
                    name, ["--check-configuration"], environment: environment, folder: folder)
                let code = await program.end()
                await program.stop()
                return code
            }
        }

        /// `deploy/secrets.sh`: what SocialAPI signs with its key, the others accept by their set; and its rights in Redis are
        /// enough.
        @Test func theKeysOfADeploymentFitTogether() async throws {
            try await withTestbed { testbed async throws in
                let database = try await testbed.startQuickPostgres().makeDatabase()
                try await withUsers { redis, users async throws in
                    try await withTemporaryFolder { folder async throws in
                        let script = Self.root.appending(path: "deploy/secrets.sh").path
                        let program = try await Program("/bin/sh", [script, "\(folder)/secrets"], folder: folder)
                        #expect(await program.end() == 0, "\(program.log)")
                        func start(_ role: Node.Role, _ user: String, _ own: [String: String] = [:]) async throws
                            -> Node
                        {
                            let told = ServiceEnvironment(
                                redis: try #require(users[user]).url(redis), database: database)
                            let access = [
                                "AUTH": "required", "AUTH_KEYS_FILE": "\(folder)/secrets/auth-keys",
                                "SERVICE_TOKEN_FILE": "\(folder)/secrets/service-token",
                                "MODERATOR_TOKEN_FILE": "\(folder)/secrets/moderator-token",
                            ]
                            let node = try await testbed.addService(
                                role, told, System.quick.merging(access) { $1 }.merging(own) { $1 })
                            try await Node.waitUntilReady([node])
                            return node
                        }
                        let social = try await start(
                            .socialAPI, "social-api",
                            ["AUTH_SIGNING_KEY_FILE": "\(folder)/secrets/auth-signing-key"])
                        let comments = try await start(.commentAPI, "comment-api")
                        let reader = try await start(.reader, "reader-api")
                        let answer = try await post(
                            social, "/api/users/register",
                            #"{"username":"anna","email":"a@b","password":"correct horse"}"#)
                        let token = try #require(answer.text.firstMatch(of: /"access_token":"([^"]+)"/)).1
                        func send(_ node: Node, _ path: String, _ body: String, _ token: Substring) async throws -> Int
                        {
                            let headers = [("Content-Type", "application/json"), ("Authorization", "Bearer \(token)")]
                            let text = RequestText.make("POST", path, headers: headers, body: Array(body.utf8))
                            return try await LoopbackHTTP.exchange(port: node.port, text).status
                        }
                        let comment = #"{"videoid":"v","comment":"by token"}"#
                        #expect(try await post(comments, "/comment", comment).status == 401)
                        #expect(try await send(comments, "/comment", comment, token) == 201)
                        #expect(try await send(reader, "/api/stream-tickets", "", token) == 201)
                        let moderator = try String(
                            contentsOf: URL(filePath: "\(folder)/secrets/moderator-token"), encoding: .utf8)
                        let suspension = RequestText.make(
                            "PUT", "/api/users/anna/suspension",
                            headers: [
                                ("Content-Type", "application/json"), ("Authorization", "Bearer \(moderator)"),
                            ], body: Array(#"{"seconds":60}"#.utf8))
                        #expect(try await LoopbackHTTP.exchange(port: social.port, suspension).status == 200)
                        #expect(
                            await eventually {
                                (try? await send(comments, "/comment", comment, token)) == 403
                            })
                        let log = try redis.command("ACL", "LOG")
                        #expect(log == "*0\r\n", "\(log)")
                    }
                }
            }
        }

        /// All services at work: Redis notes each refusal in its ACL LOG.
        @Test func theRightsAreEnough() async throws {
            try await withTestbed { testbed async throws in
                let database = try await testbed.startQuickPostgres().makeDatabase()
                try await withUsers { redis, users async throws in
                    func start(_ role: Node.Role, _ user: String, _ own: [String: String]) async throws -> Node {
                        let user = try #require(users[user])
                        let told = ServiceEnvironment(redis: user.url(redis))
                        let node = try await testbed.addService(role, told, System.quick.merging(own) { $1 })
                        try await Node.waitUntilReady([node])
                        return node
                    }
                    let storing = [
                        "DATABASE_URL": database, "OUTBOX_INTERVAL_MS": "50", "LIKE_WRITE_INTERVAL_MS": "20",
                        "LIKE_CLAIM_MS": "200", "NOTIFICATION_INTERVAL_MS": "50",
                    ]
                    let stats = try await start(.statistics, "stats-api", [:])
                    let comments = try await start(.commentAPI, "comment-api", storing)
                    let likes = try await start(.likeAPI, "like-api", storing.merging(["LIKE_ROLE": "all"]) { $1 })
                    #expect(await eventually { likes.log.contains("PostgreSQL is ready") })
                    let reader = try await start(
                        .reader, "reader-api", ["PLACEMENT": "overflow", "STATISTICS_API_URL": stats.url])
                    try await comment(comments, reader)
                    try await like(likes, reader)
                    try await command(["reconcile"], user: users["like-api"], redis, storing)
                    try await command(["dead-letters", "list"], user: users["like-api"], redis, storing)
                    let statistics = try await stats.get("/statistics?full=true").text
                    #expect(statistics.contains(#""reader-1""#), "\(statistics)")
                    try await Task.sleep(for: .milliseconds(500))
                    let log = try redis.command("ACL", "LOG")
                    #expect(log == "*0\r\n", "\(log)")
                    // And it does note them.
                    try users["comment-api"]?.set(["+ping", "+info", "+client|setname"], in: redis)
                    _ = try await post(comments, "/comment", #"{"userid":"u","videoid":"v","comment":"no"}"#)
                    #expect(try redis.command("ACL", "LOG").contains("comment-api"))
                }
            }
        }

        private func post(_ node: Node, _ path: String, _ body: String) async throws -> HTTPAnswer {
            try await LoopbackHTTP.post(port: node.port, path, json: body)
        }

        private func comment(_ comments: Node, _ reader: Node) async throws {
            let viewer = try await StreamClient(port: reader.port, RequestText.connect(video: "v"))
            _ = try await viewer.next()
            var first = ""
            for number in 0..<3 {
                let body = #"{"userid":"u","videoid":"v","comment":"text \#(number)"}"#
                let answer = try await post(comments, "/comment", body)
                #expect(answer.status == 201, "\(answer.text)")
                first = first.isEmpty ? try #require(answer.text.firstMatch(of: /"id":"([^"]+)"/)).1.description : first
                _ = try await viewer.body { $0.contains("text \(number)") }
            }
            let named = RequestText.make(
                "POST", "/comment",
                headers: [("Content-Type", "application/json"), ("Idempotency-Key", "key-of-a-request-1")],
                body: Array(#"{"userid":"u","videoid":"v","comment":"named"}"#.utf8))
            for _ in 0..<2 {
                let status = try await LoopbackHTTP.exchange(port: comments.port, named).status
                #expect([200, 201].contains(status))
            }
            let removal = RequestText.make("DELETE", "/comment/\(first)?userid=u&videoid=v")
            #expect(try await LoopbackHTTP.exchange(port: comments.port, removal).status == 200)
            #expect(try await comments.get("/history?videoid=v").status == 200)
            await viewer.close()
            // What was missed is read from the history.
            let back = try await StreamClient(
                port: reader.port, RequestText.connect(query: "userid=u&videoid=v&lastEventId=1.x"))
            _ = try await back.body { $0.contains("named") || $0.contains("gap") }
            await back.close()
        }

        private func like(_ likes: Node, _ reader: Node) async throws {
            #expect(try await post(likes, "/v1/photos", #"{"post_id":"p","owner_id":"me"}"#).status == 201)
            let owner = try await StreamClient(
                port: reader.port, RequestText.connect(query: "userid=me&notifications=true"))
            let viewer = try await StreamClient(port: reader.port, RequestText.connect(query: "userid=a&photoids=p,q"))
            for client in [owner, viewer] { _ = try await client.next() }
            for user in ["a", "b", "c"] {
                #expect(try await post(likes, "/like", #"{"userid":"\#(user)","photoid":"p"}"#).status == 200)
            }
            #expect(try await post(likes, "/unlike", #"{"userid":"c","photoid":"p"}"#).status == 200)
            _ = try await viewer.body { $0.contains(#""count":2,"#) }
            _ = try await owner.body { $0.contains("liked your photo") }
            #expect(try await likes.get("/v1/likes/p?user_id=a").text.contains(#""count":2"#))
            for client in [owner, viewer] { await client.close() }
        }

        private func command(
            _ arguments: [String], user: User?, _ redis: Node, _ environment: [String: String]
        ) async throws {
            let user = try #require(user)
            try await withTemporaryFolder { folder async throws in
                let program = try await Program(
                    "LikeAPI", arguments,
                    environment: environment.merging(["REDIS_URL": user.url(redis)]) { $1 }, folder: folder)
                #expect(await program.end() == 0, "\(program.log)")
                await program.stop()
            }
        }
    }
}
