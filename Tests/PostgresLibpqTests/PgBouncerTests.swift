import PostgresLibpq
import TestSupport
import Testing

/// PgBouncer in transaction mode: what a session sets or prepares stays with a server session that others get next.
@Suite struct PgBouncerTests {
    @Test func statementsAndTransactionsWork() async throws {
        try await withPgBouncer { url, _ in
            try await withPool(url: url, connections: 6) { pool in
                try await pool.execute("CREATE TABLE t (n int8)")
                let errors = await withTaskGroup(of: PostgresError?.self) { group in
                    for number in 0..<200 as Range<Int64> {
                        group.addTask {
                            await thrown(PostgresError.self) {
                                _ = try await pool.execute("INSERT INTO t VALUES ($1)", [.bigint(number)])
                                try await pool.transaction { connection in
                                    try connection.execute("INSERT INTO t VALUES ($1)", [.bigint(-number)])
                                    try connection.query("SELECT count(*) FROM t WHERE n = $1", [.bigint(number)])
                                }
                            }
                        }
                    }
                    return await group.reduce(into: []) { if let error = $1 { $0.append(error) } }
                }
                #expect(errors.isEmpty, "\(errors.count) errors: \(errors.first.map { "\($0)" } ?? "")")
                #expect(try await pool.numbers("SELECT count(*) FROM t") == [400])
            }
        }
    }

    /// Other programs behind the same pooler get the same server sessions.
    @Test func nothingIsLeftInTheServersSessions() async throws {
        try await withPgBouncer(sessions: 1) { url, _ in
            try await withPool(url: url) { pool in
                let timeouts = try await pool.texts("SELECT current_setting('statement_timeout')")
                let prepared = try await pool.texts("SELECT name FROM pg_prepared_statements")
                #expect(timeouts == ["0"] && prepared.isEmpty)
            }
        }
    }
}
