import TestSupport
import Testbed
import Testing
import Wire

extension IntegrationTests {
    /// What stands behind the address of Redis no longer takes writes.
    @Suite struct FailoverTests {
        private func expect(_ service: RunningService, ready status: Int) async {
            await expectEventually { try await service.get("/health/ready").status == status }
        }

        /// Nobody writes while it happens: readiness finds out by itself. The Reader's viewers lose nothing.
        @Test func whoWritesIsNotReadyOnAReplica() async throws {
            try await TestSystem.with { system in
                let viewer = try await system.connectedViewer(of: "v")
                try await system.write("before", to: "v")
                try system.redis.command("REPLICAOF", "127.0.0.1", "1")
                await expect(system.comments, ready: 503)
                #expect(
                    try await system.comments.get("/health/ready").text.contains("Redis is a read-only replica"))
                #expect(try await system.tryToWrite("refused", to: "v").status == 503)
                #expect(try await system.reader.get("/health/ready").status == 200)
                try system.redis.command("REPLICAOF", "NO", "ONE")
                await expect(system.comments, ready: 200)
                try await system.write("after", to: "v")
                #expect(try await viewer.comments(2) == ["before", "after"])
            }
        }

        /// A master that refuses writes for another reason: sessions stand, and readiness says it.
        @Test func whoWritesIsNotReadyWhileWritesAreRefused() async throws {
            try await TestSystem.with { system in
                try system.redis.command("CONFIG", "SET", "min-replicas-to-write", "1")
                await expect(system.comments, ready: 503)
                #expect(try await system.tryToWrite("refused", to: "v").status == 503)
                #expect(try await system.reader.get("/health/ready").status == 200)
                try system.redis.command("CONFIG", "SET", "min-replicas-to-write", "0")
                await expect(system.comments, ready: 200)
                try await system.write("after", to: "v")
            }
        }
    }
}
