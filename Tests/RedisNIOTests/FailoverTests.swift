import RedisNIO
import TestSupport
import Testbed
import Testing

/// A server that stops being the one that takes writes, while connections to it stand.
@Suite struct FailoverTests {
    private func clientID(_ client: RedisClient) async throws -> Int64? {
        try await client.send(RedisCommand("CLIENT", "ID")).integer
    }

    /// What was sent behind the refused write is answered by the same server; then the connection is replaced.
    @Test func aReadOnlyServerIsLeft() async throws {
        try await withRedisClient(settings: makeClientSettings { $0.connections = 1 }) { redis, client in
            let before = try await clientID(client)
            try redis.command("REPLICAOF", "127.0.0.1", "1")
            let replies = try await client.send(contentsOf: [
                RedisCommand("SET", "k", "v"), RedisCommand("GET", "k"), RedisCommand("PING"),
            ])
            #expect(replies[0].failure?.code == .reply("READONLY"))
            #expect(replies[1...] == [.null, .status("PONG")])
            #expect(await eventually { try await clientID(client) ?? 0 > before ?? 0 })
        }
    }

    /// Refused at login, too: without a server that answers, there is no connection.
    @Test func aReplicaWithoutItsMasterIsLeft() async throws {
        let settings = makeClientSettings { $0.graceWait = .milliseconds(50) }
        try await withRedisClient(settings: settings) { redis, client in
            try redis.command("CONFIG", "SET", "replica-serve-stale-data", "no")
            try redis.command("REPLICAOF", "127.0.0.1", "1")
            _ = await eventually { await thrown(RedisError.self) { _ = try await clientID(client) } != nil }
            for _ in 0..<4 { _ = try? await client.send(RedisCommand("GET", "k")) }
            #expect(await eventually { !client.isConnected })
            try redis.command("REPLICAOF", "NO", "ONE")
            #expect(await eventually { client.isConnected })
        }
    }

    /// The address leads to another server from some moment on; connections to the old one stand.
    @Test func whatIsBehindTheNameNowIsFound() async throws {
        try await withRedisClient { old, client in
            try await withRedis { new in
                _ = try await client.send(RedisCommand("SET", "k", "old"))
                try old.command("REPLICAOF", "127.0.0.1", "1")
                try old.command("CONFIG", "SET", "port", "\(try Ports.one())")
                try new.command("CONFIG", "SET", "port", "\(old.port)")
                #expect(await eventually { try await client.send(RedisCommand("SET", "k", "new")) == .status("OK") })
                #expect(try old.command("GET", "k").contains("new"))
            }
        }
    }

    /// A subscriber gets what a demoted server is sent by its new master, and would not know what it missed meanwhile.
    @Test func subscriptionsLeaveADemotedServer() async throws {
        try await withRedisClient(settings: makeClientSettings { $0.connections = 1 }) { old, client in
            let (subscriber, sink) = (client.makeSubscriber(), RecordingSink())
            subscriber.subscribe(["a"])
            try await withBackground({ try await subscriber.run(sink) }) {
                #expect(await eventually { sink.subscribed.contains("a") })
                try await withRedis { new in
                    try old.command("REPLICAOF", "127.0.0.1", "\(new.port)")
                    let port = try Ports.one()
                    try old.command("CONFIG", "SET", "port", "\(port)")
                    try new.command("CONFIG", "SET", "port", "\(old.port)")
                    // As long as nobody writes, nobody is told.
                    _ = try? await client.send(RedisCommand("SET", "k", "v"))
                    #expect(await eventually { sink.losses == [.demoted] })
                    #expect(await eventually { sink.subscribed.count == 2 })
                }
            }
        }
    }

    @Test func aClusterIsRefused() async throws {
        let arguments = ["--cluster-enabled", "yes", "--cluster-port", "\(try Ports.one())"]
        try await withRedis(.init(arguments: arguments)) { redis in
            let client = RedisClient(
                endpoint: try RedisEndpoint(parsing: redis.url), settings: makeClientSettings(), logger: quietLogger)
            let running = Task { try await client.run() }
            let end = Task {
                try await Task.sleep(for: .seconds(5))
                running.cancel()
            }
            let error = await thrown(RedisError.self) { try await running.value }
            end.cancel()
            #expect(error?.message.contains("cluster") == true)
        }
    }
}
