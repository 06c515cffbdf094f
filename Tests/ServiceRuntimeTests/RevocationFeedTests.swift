import Foundation
import Identity
import Primitives
import RedisNIO
import TestSupport
import Testbed
import Testing

@testable import ServiceRuntime

@Suite struct RevocationFeedTests {
    private func withFeed(
        _ body: (RedisClient, Node, RevocationFeed, Authenticator) async throws -> Void
    ) async throws {
        try await withRedis { server async throws in
            let redis = RedisClient(endpoint: try RedisEndpoint(parsing: server.url), logger: quietLogger)
            let authenticator = Authenticator(mode: .required)
            let feed = RevocationFeed(redis: redis, authenticator: authenticator, logger: quietLogger)
            try await withBackground({ try await redis.run() }) {
                try #require(await eventually { redis.isConnected })
                try await body(redis, server, feed, authenticator)
            }
        }
    }

    private func sessions(_ names: some Sequence<String>) -> [Revocation] {
        names.map { Revocation(.session, $0, until: Date().timeIntervalSince1970 + 600) }
    }

    private func isRevoked(_ session: String, _ authenticator: Authenticator) -> Bool {
        authenticator.problem(of: Subject(id: "anna", session: session)) == .revoked
    }

    /// However many there are; and what is worth nothing any more is not kept.
    @Test func aProcessThatStartsLearnsAllThatMatters() async throws {
        try await withFeed { redis, server, feed, authenticator in
            let old = (1...3_000).map {
                RedisCommand(
                    "XADD", RevocationFeed.key, "\($0)-1", "kind", "session", "id", "old\($0)", "upto", "0", "until",
                    "9e9")
            }
            _ = try await redis.send(contentsOf: old)
            let count = 2 * RevocationFeed.page + 500
            let names = (0..<count).map { "s\($0)" }
            try await RevocationFeed.publish(sessions(names), keptSeconds: 600, to: redis)
            // Redis removes whole nodes of 100 entries.
            let length = try await redis.send(RedisCommand("XLEN", RevocationFeed.key)).integer ?? 0
            #expect((count..<count + 200).contains(Int(length)), "\(length)")
            #expect(!feed.isCurrent)
            try await withBackground({ await feed.run() }) {
                #expect(await eventually { feed.isCurrent })
                #expect(names.allSatisfy { isRevoked($0, authenticator) })
                #expect(!isRevoked("old1", authenticator) && !isRevoked("another", authenticator))
            }
        }
    }

    @Test func afterAFailureItGoesOnWhereItWas() async throws {
        try await withFeed { redis, server, feed, authenticator in
            try server.command("CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "100000")
            try await RevocationFeed.publish(sessions(["s1"]), keptSeconds: 600, to: redis)
            try await withBackground({ await feed.run() }) {
                #expect(await eventually { isRevoked("s1", authenticator) })
                // No stream: reading fails.
                try server.command("RENAME", RevocationFeed.key, "elsewhere")
                try server.command("SET", RevocationFeed.key, "x")
                #expect(
                    await eventually(within: 20) {
                        let line = try server.command("INFO", "commandstats").split(separator: "\r\n")
                            .first { $0.hasPrefix("cmdstat_xrange:") }
                        return line.map { !$0.contains("failed_calls=0") } ?? false
                    })
                #expect(isRevoked("s1", authenticator))
                try server.command("RENAME", "elsewhere", RevocationFeed.key)
                try await RevocationFeed.publish(sessions(["s2"]), keptSeconds: 600, to: redis)
                #expect(await eventually(within: 20) { isRevoked("s2", authenticator) })
                let log = try server.command("SLOWLOG", "GET", "100000")
                #expect(log.components(separatedBy: "\r\n-\r\n").count == 2, "read once from the beginning")
                // A Redis that has lost everything gives later numbers.
                try server.command("FLUSHALL")
                try await RevocationFeed.publish(sessions(["s3"]), keptSeconds: 600, to: redis)
                #expect(await eventually(within: 20) { isRevoked("s3", authenticator) })
                #expect(isRevoked("s1", authenticator))
            }
        }
    }

    @Test func positions() {
        var position = RevocationFeed.Position()
        position.fail()
        #expect(position.start == "-")
        position.advance(to: "1700000000000-3")
        #expect(position.start == "(1700000000000-3")
        // However often it fails, the same minute is read again.
        for _ in 0..<3 {
            position.fail()
            #expect(position.start == "1699999940000")
        }
        position.advance(to: "1700000000500-0")
        #expect(position.start == "(1700000000500-0")
        position.advance(to: "5-0")
        position.fail()
        #expect(position.start == "0")
    }
}
