import PostgresLibpq
import Primitives
import TestSupport
import Testbed
import Testing

/// A server that stops being the one that takes writes.
@Suite(.serialized) struct FailoverTests {
    private let backoff = Backoff(base: .milliseconds(20), cap: .milliseconds(100))

    private func refusal(of pool: PostgresPool) async -> PostgresError? {
        await thrown(PostgresError.self) { _ = try await pool.execute("INSERT INTO t VALUES (1)") }
    }

    /// Sessions stand while the server becomes read-only; every one of them is given up with the first refusal.
    @Test func aReadOnlyServerIsLeft() async throws {
        try await withPostgres { server, url in
            try await withPool(url: url, connections: 4, { $0.backoff = backoff }) { pool in
                try await pool.execute("CREATE TABLE t (n int8)")
                #expect(await eventually { pool.statistics.connected == 4 })
                try await server.sql("ALTER SYSTEM SET default_transaction_read_only = on")
                try await server.sql("SELECT pg_reload_conf()")
                #expect(await eventually { await refusal(of: pool)?.sqlState == "25006" })
                #expect(await eventually { !pool.isReady })
                try await server.sql("ALTER SYSTEM RESET ALL")
                try await server.sql("SELECT pg_reload_conf()")
                #expect(await eventually { pool.isReady })
                #expect(try await pool.execute("INSERT INTO t VALUES (1)") == 1)
            }
        }
    }

    /// The order of the hosts does not matter, and one that hangs does not stand in the way.
    @Test func theHostThatTakesWritesIsFound() async throws {
        try await withTestbed { testbed in
            let primary = try await testbed.startQuickPostgres()
            let url = try await primary.makeDatabase()
            let standby = try await testbed.startQuickPostgres(name: "standby", copying: primary)
            try await withSilentPort { silent in
                let hosts = [silent, standby.port, primary.port].map { "127.0.0.1:\($0)" }.joined(separator: ",")
                let name = String(url.split(separator: "/").last ?? "")
                func quick(_ configuration: inout PostgresConfiguration) {
                    configuration.backoff = backoff
                    configuration.connectTimeout = .milliseconds(500)
                }
                try await withPool(url: "postgresql://chorus@\(hosts)/\(name)", quick) { pool in
                    #expect(await eventually { pool.isReady })
                    try await pool.execute("CREATE TABLE t (n int8)")
                    let copied = await eventually {
                        try await standby.sql("SELECT count(*) FROM t", url: standby.url(database: name)) == "0"
                    }
                    #expect(copied)
                    await primary.kill()
                    try await standby.promote()
                    #expect(await eventually { try await pool.execute("INSERT INTO t VALUES (1)") == 1 })
                }
            }
        }
    }

    @Test func aSessionThatAnAdministratorEndsIsReplaced() async throws {
        try await withPool(connections: 1, { $0.backoff = backoff }) { pool in
            let pid = try await pool.numbers("SELECT pg_backend_pid()::int8")
            let ended = await thrown(PostgresError.self) {
                try await pool.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            }
            #expect(ended?.code == .unavailable && ended?.outcome == .unknown)
            #expect(await eventually { try await pool.numbers("SELECT pg_backend_pid()::int8") != pid })
        }
    }
}
