import PostgresLibpq
import TestSupport
import Testing

@Suite struct TransactionTests {
    struct Refused: Error {}

    @Test func commitsAndRollsBack() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (n int8)")
            try await pool.transaction { connection in
                try connection.execute("INSERT INTO t VALUES (1)")
                try connection.execute("INSERT INTO t VALUES (2)")
            }
            await #expect(throws: Refused.self) {
                try await pool.transaction { connection in
                    try connection.execute("INSERT INTO t VALUES (3)")
                    throw Refused()
                }
            }
            let rows = try await pool.numbers("SELECT n FROM t ORDER BY n")
            #expect(rows == [1, 2])
        }
    }

    @Test func anErrorThatTheBodySwallowsIsNotCommitted() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (n int8 PRIMARY KEY)")
            let error = await thrown(PostgresError.self) {
                try await pool.transaction { connection in
                    try connection.execute("INSERT INTO t VALUES (1)")
                    _ = try? connection.execute("INSERT INTO t VALUES (1)")
                }
            }
            #expect(error?.code == .internal)
            let rows = try await pool.numbers("SELECT n FROM t")
            #expect(rows.isEmpty)
        }
    }

    @Test func aTransactionLeftOpenDoesNotReachTheNextJob() async throws {
        try await withPool(connections: 1) { pool in
            try await pool.withConnection { _ = try $0.execute("BEGIN") }
            try await pool.execute("CREATE TABLE t (n int8)")
            let open = try await pool.query("SELECT pg_current_xact_id_if_assigned() IS NOT NULL") {
                row throws(PostgresError) in try row.boolean(0)
            }
            #expect(open == [false])
        }
    }

    @Test func itsOwnTimeoutEndsWithIt() async throws {
        try await withPool(connections: 1, { $0.statementTimeout = .milliseconds(100) }) { pool in
            try await pool.transaction(timeout: .seconds(5)) { _ = try $0.execute("SELECT pg_sleep(0.3)") }
            let start = ContinuousClock.now
            let error = await thrown(PostgresError.self) { try await pool.execute("SELECT pg_sleep(0.3)") }
            #expect(error?.code == .timeout)
            #expect(ContinuousClock.now - start >= .milliseconds(100))
        }
    }
}
