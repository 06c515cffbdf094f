import PostgresLibpq
import TestSupport
import Testbed
import Testing

@Suite struct ErrorTests {
    @Test(arguments: [
        "", "nonsense", "postgresql://user:pa@hunter2@host/db", "postgresql://user:hunter2@host:port/db",
        "postgresql://user:hunter2@[::1/db",
        "postgresql://user:hunter2@host/db?nosuchoption=hunter2", "host=localhost password='hunter2",
        "postgres//hunter2@h",
    ])
    func aBadUrlIsRefusedWithoutLeakingIt(url: String) {
        let error = #expect(throws: PostgresError.self) { try PostgresConfiguration(url: url) }
        #expect(error?.code == .configuration)
        #expect(error?.description.contains("hunter2") == false)
    }

    @Test func theTargetShowsNoPassword() throws {
        let configuration = try PostgresConfiguration(url: "postgresql://user:hunter2@db.example:6543/chorus")
        #expect(configuration.target == "db.example:6543/chorus")
        var dumped = "\(configuration) \(String(reflecting: configuration))"
        dump(configuration, to: &dumped)
        #expect(!dumped.contains("hunter2"))
    }

    @Test func aRefusedConnectionDoesNotLeakThePassword() async throws {
        let server = try await sharedPostgres()
        let url = "postgresql://hunter2:hunter2@127.0.0.1:\(server.port)/nosuchdatabase"
        try await withPool(url: url) { pool in
            let error = await thrown(PostgresError.self) { try await pool.execute("SELECT 1") }
            #expect(error?.code == .unavailable)
            #expect(error?.outcome == .notDone)
            #expect(error?.description.contains("hunter2") == false)
        }
    }

    @Test func constraintsAreNamedAndValuesAreNot() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (id text PRIMARY KEY CHECK (length(id) < 9))")
            try await pool.execute("INSERT INTO t VALUES ($1)", [.text("hunter2")])
            let duplicate = await thrown(PostgresError.self) {
                try await pool.execute("INSERT INTO t VALUES ($1)", [.text("hunter2")])
            }
            #expect(duplicate?.code == .constraint)
            #expect(duplicate?.sqlState == "23505")
            #expect(duplicate?.constraint == "t_pkey")
            #expect(duplicate?.outcome == .notDone)
            #expect(duplicate?.description.contains("hunter2") == false)
            let tooLong = await thrown(PostgresError.self) {
                try await pool.execute("INSERT INTO t VALUES ($1)", [.text("hunter2hunter2")])
            }
            #expect(tooLong?.code == .constraint)
            #expect(tooLong?.sqlState == "23514")
        }
    }

    @Test func valuesThatTheServerQuotesStayOut() async throws {
        try await withPool { pool in
            let error = await thrown(PostgresError.self) {
                try await pool.execute("SELECT $1::text::int8", [.text("hunter2")])
            }
            #expect(error?.code == .invalidValue)
            #expect(error?.description.contains("hunter2") == false)
            let null = await thrown(PostgresError.self) {
                try await pool.execute("SELECT $1::text", [.text("a\u{0}b")])
            }
            #expect(null?.code == .invalidValue)
        }
    }

    @Test func aStatementThatIsTooSlowIsStoppedAndTheSessionLivesOn() async throws {
        try await withPool(connections: 1, { $0.statementTimeout = .milliseconds(100) }) { pool in
            let start = ContinuousClock.now
            let error = await thrown(PostgresError.self) { try await pool.execute("SELECT pg_sleep(5)") }
            #expect(error?.code == .timeout)
            #expect((.milliseconds(100) ... .seconds(3)).contains(ContinuousClock.now - start))
            #expect(error?.outcome == .notDone)
            try await pool.execute("SELECT 1")
            #expect(pool.statistics.losses == 0)
        }
    }
}
