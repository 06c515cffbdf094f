import PostgresLibpq
import Primitives
import TestSupport
import Testbed
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
                await server.expectRunning("INSERT INTO t SELECT 1 FROM pg_sleep(3)")
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
                server.pause()
                let clock = ContinuousClock()
                let start = clock.now
                let error = await thrown(PostgresError.self) { try await pool.execute("SELECT 1") }
                #expect(error?.code == .timeout)
                #expect(error?.outcome == .unknown)
                // Not before its time either: the statement's, and what the server has to answer.
                #expect((.milliseconds(400) ... .seconds(3)).contains(clock.now - start))
                server.resume()
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
                await server.expectRunning("SELECT pg_sleep(3)")
                await server.kill()
                #expect(await cut.value?.outcome == .notDone)
                try await server.start()
                #expect(try await server.sql("SELECT count(*) FROM t", url: url) == "0")
            }
        }
    }
}

extension Node {
    /// Waits until a session is at this statement.
    fileprivate func expectRunning(_ statement: String) async {
        let running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = '\(statement)'"
        #expect(await eventually { try await sql(running) == "1" })
    }
}
