import RedisNIO
import TestSupport
import Testbed
import Testing

@Suite struct ClientTests {
    @Test func commandsAndReplies() async throws {
        try await withRedisClient { redis, client in
            #expect(try await client.send(RedisCommand("SET", "k", "v\r\nw")) == .status("OK"))
            #expect(try await client.send(RedisCommand("GET", "k")) == .bytes(Array("v\r\nw".utf8)))
            #expect(try await client.send(RedisCommand("GET", "none")) == .null)
            #expect(try await client.send(RedisCommand("RPUSH", "l", "a", "", "c")).integer == 3)
            let list = try await client.send(RedisCommand("LRANGE", "l", "0", "-1"))
            #expect(list.array?.compactMap(\.text) == ["a", "", "c"])
            await #expect(throws: RedisError.self) { try await client.send(RedisCommand("INCR", "l")) }
            let error = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("GET", "l")) }
            #expect(error?.code == .reply("WRONGTYPE"))
        }
    }

    @Test func pipelineOfTenThousandCommandsKeepsItsOrder() async throws {
        try await withRedisClient { redis, client in
            let commands = (0..<10_000).map { RedisCommand("ECHO", "\($0)") }
            let replies = try await client.send(contentsOf: commands)
            #expect(replies.compactMap(\.text) == (0..<10_000).map(String.init))
            let mixed = try await client.send(contentsOf: [
                RedisCommand("SET", "s", "x"), RedisCommand("INCR", "s"), RedisCommand("GET", "s"),
            ])
            #expect(mixed[1].failure?.code == .reply("ERR") && mixed[2].text == "x")
        }
    }

    @Test func concurrentCommandsGetTheirOwnReplies() async throws {
        try await withRedisClient { redis, client in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<5000 {
                    group.addTask { try await client.send(RedisCommand("ECHO", "\(number)")).text == "\(number)" }
                }
                for try await isOwn in group { #expect(isOwn) }
            }
        }
    }

    @Test func theLimitInFlightRefusesAndRecovers() async throws {
        let settings = makeClientSettings { settings in
            settings.connections = 1
            settings.connection.inFlightMax = 100
        }
        try await withRedisClient(settings: settings) { redis, client in
            redis.pause()
            let waiting = Task {
                try await client.send(contentsOf: (0..<100).map { RedisCommand("ECHO", "\($0)") })
            }
            let connection = try await client.connection()
            #expect(await eventually { connection.inFlight == 100 })
            let error = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("PING")) }
            #expect(error?.code == .overloaded)
            redis.resume()
            #expect(try await waiting.value.count == 100)
            #expect(await eventually { connection.inFlight == 0 })
            #expect(try await client.send(RedisCommand("PING")) == .status("PONG"))
        }
    }

    @Test func afrozenRedisTimesOutAndIsFoundAgain() async throws {
        let settings = makeClientSettings { settings in
            settings.connection.commandTimeout = .milliseconds(200)
            settings.connection.connectTimeout = .milliseconds(200)
            settings.graceWait = .zero
        }
        try await withRedisClient(settings: settings) { redis, client in
            redis.pause()
            let began = ContinuousClock.now
            let error = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("PING")) }
            #expect(error?.code == .timeout)
            #expect((.milliseconds(200) ... .seconds(2)).contains(ContinuousClock.now - began))
            redis.resume()
            #expect(await eventually { (try? await client.send(RedisCommand("PING"))) == .status("PONG") })
        }
    }

    @Test func killedConnectionsFailTheirCommandsAndComeBack() async throws {
        try await withRedisClient { redis, client in
            let blocked = Task { try await client.send(RedisCommand("BLPOP", "nothing", "1")) }
            #expect(await eventually { try redis.command("CLIENT", "LIST").contains("cmd=blpop") })
            try redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await #expect { try await blocked.value } throws: { ($0 as? RedisError)?.code == .closed }
            #expect(await eventually { (try? await client.send(RedisCommand("PING"))) == .status("PONG") })
        }
    }

    @Test func wrongPasswordsAreToldWithoutTheSecret() async throws {
        try await withRedis(.init(password: "right")) { redis in
            let settings = makeClientSettings { $0.graceWait = .milliseconds(50) }
            try await withClient(redis.url) { client in
                let pong = try await client.send(RedisCommand("PING"))
                #expect(pong == .status("PONG"))
            }
            for url in ["redis://:hushhush@127.0.0.1:\(redis.port)", "redis://127.0.0.1:\(redis.port)"] {
                try await withClient(url, settings: settings) { client in
                    #expect(!client.isConnected)
                    let error = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("PING")) }
                    #expect(error?.code == .notConnected)
                    #expect(error?.message.contains(url.contains("hush") ? "WRONGPASS" : "NOAUTH") == true)
                    #expect(error?.description.contains("hushhush") == false)
                }
            }
        }
    }

    @Test func databasesAndNames() async throws {
        let settings = makeClientSettings { $0.connection.name = "api-1:commands" }
        try await withRedisClient(database: "/3", settings: settings) { redis, client in
            _ = try await client.send(RedisCommand("SET", "k", "v"))
            let list = try redis.command("CLIENT", "LIST")
            #expect(list.contains("name=api-1:commands") && list.contains("db=3"))
        }
    }

    @Test func scriptsAreLoadedWhenMissing() async throws {
        try await withRedisClient { redis, client in
            let script = RedisScript("return {KEYS[1], ARGV[1]}")
            for _ in 0..<2 {
                let reply = try await client.evaluate(script, keys: ["k"], arguments: [Array("v".utf8)])
                #expect(reply.array?.compactMap(\.text) == ["k", "v"])
                try redis.command("SCRIPT", "FLUSH", "SYNC")
            }
            await #expect { try await client.evaluate(RedisScript("this is no Lua"), keys: []) } throws: {
                ($0 as? RedisError)?.code == .reply("ERR")
            }
        }
    }

    /// One command a call once the digest is known; several calls keep their order also when Redis has lost the script.
    @Test func digestsAreLearnedFromRedis() async throws {
        try await withRedisClient(settings: makeClientSettings { $0.connections = 1 }) { redis, client in
            let script = RedisScript("return redis.call('INCR', KEYS[1])")
            let connection = try await client.connection()
            for expected in 1...3 as ClosedRange<Int64> {
                #expect(try await client.evaluate(script, keys: ["k"]).integer == expected)
            }
            let calls = try redis.command("INFO", "commandstats")
            #expect(calls.contains("cmdstat_eval:calls=1,") && calls.contains("cmdstat_evalsha:calls=2,"))
            for start in [4, 7] as [Int64] {
                try redis.command("SCRIPT", "FLUSH", "SYNC")
                let pipeline = (0..<3).map { _ in script.call(keys: ["k"]) }
                let replies = try await connection.evaluate(script, contentsOf: pipeline)
                #expect(replies.map(\.integer) == [start, start + 1, start + 2])
            }
            try redis.command("SCRIPT", "FLUSH", "SYNC")
            let single = try await connection.evaluate(script, contentsOf: [script.call(keys: ["k"])])
            #expect(single.map(\.integer) == [10])
        }
    }

    @Test func waitersGetTheConnectionThatComes() async throws {
        try await withRedis { redis in
            await redis.kill()
            let settings = makeClientSettings { $0.graceWait = .seconds(10) }
            let client = RedisClient(
                endpoint: try RedisEndpoint(parsing: redis.url), settings: settings, logger: quietLogger)
            try await withBackground({ try await client.run() }) {
                async let reply = client.send(RedisCommand("PING"))
                try await redis.start()
                #expect(try await reply == .status("PONG"))
            }
            #expect(!client.isConnected)
        }
    }
}
