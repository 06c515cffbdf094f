import PostgresLibpq
import Primitives
import TestSupport
import Testing

/// Each test kills or freezes a server of its own.
@Suite(.serialized) struct OutageTests {
    @Test func aServerKilledInMidStatementLeavesTheOutcomeUnknown() async throws {
        try await withPostgres { server, url in
            try await withPool(url: url, { $0.backoff = Backoff(base: .milliseconds(20), cap: .milliseconds(100)) }) {
                pool in
                try await pool.execute("CREATE TABLE t (n int8)")
                let slow = Task {
                    await thrown(PostgresError.self) {
                        try await pool.execute("INSERT INTO t SELECT 1 FROM pg_sleep(3)")
                    }
                }
                try await Task.sleep(for: .milliseconds(200))
                await server.kill()
                let error = await slow.value
                #expect(error?.code == .unavailable)
                #expect(error?.outcome == .unknown)
                #expect(await eventually { !pool.isReady })
                let refused = await thrown(PostgresError.self) { try await pool.execute("SELECT 1") }
                #expect(refused?.code == .unavailable)
                #expect(refused?.outcome == .notDone)
                try await server.start()
                #expect(await eventually { pool.isReady })
                #expect(try await pool.execute("SELECT 1") == 1)
            }
        }
    }

    @Test func idleSessionsThatARestartClosedHurtNobody() async throws {
        try await withPostgres { server, url in
            try await withPool(url: url, connections: 4) { pool in
                try await pool.execute("SELECT 1")
                #expect(await eventually { pool.statistics.connected == 4 })
                await server.kill()
                try await server.start()
                for _ in 0..<8 {
                    let error = await thrown(PostgresError.self) { try await pool.execute("SELECT 1") }
                    #expect(error == nil || error?.outcome == .notDone, "\(String(describing: error))")
                }
                #expect(await eventually { pool.isReady })
            }
        }
    }

    @Test func aFrozenServerIsGivenUp() async throws {
        try await withPostgres { server, url in
            try await withPool(
                url: url,
                {
                    // On another session the statement would have to be prepared first, and would not have begun.
                    $0.connections = 1
                    $0.statementTimeout = .milliseconds(200)
                    $0.answerGrace = .milliseconds(200)
                    $0.connectTimeout = .milliseconds(300)
                }
            ) { pool in
                try await pool.execute("SELECT 1")
                server.freeze()
                let clock = ContinuousClock()
                let start = clock.now
                let error = await thrown(PostgresError.self) { try await pool.execute("SELECT 1") }
                #expect(error?.code == .timeout)
                #expect(error?.outcome == .unknown)
                #expect(clock.now - start < .seconds(3))
                server.thaw()
                #expect(await eventually { (try? await pool.execute("SELECT 1")) != nil })
            }
        }
    }

    @Test func aTransactionCutBeforeCommitIsNotDone() async throws {
        try await withPostgres { server, url in
            try await withPool(url: url) { pool in
                try await pool.execute("CREATE TABLE t (n int8)")
                let cut = Task {
                    await thrown(PostgresError.self) {
                        try await pool.transaction { connection in
                            try connection.execute("INSERT INTO t VALUES (1)")
                            try connection.execute("SELECT pg_sleep(3)")
                        }
                    }
                }
                try await Task.sleep(for: .milliseconds(200))
                await server.kill()
                #expect(await cut.value?.outcome == .notDone)
                try await server.start()
                #expect(try await server.sql("SELECT count(*) FROM t", url: url) == "0")
            }
        }
    }
}
