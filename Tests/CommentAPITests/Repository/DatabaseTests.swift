import Logging
import PostgresLibpq
import ServiceRuntime
import ServiceStorage
import Storage
import TestSupport
import Testbed
import Testing

/// The schema at the start of a process.
@Suite struct DatabaseTests {
    private func makeDatabase(_ url: String) throws -> (ServiceDatabase, ServiceProcess) {
        let settings = try TestSettings.read(environment: ["DATABASE_URL": url, "DATABASE_CONNECTIONS": "1"])
        let process = ServiceProcess(name: "Test", server: settings.server, logger: quietLogger)
        guard let configuration = settings.database.configuration else { throw NoDatabase() }
        return (ServiceDatabase(configuration, process: process), process)
    }

    private struct NoDatabase: Error {}

    private struct TestSettings: ServiceSettings {
        var server: ServerSettings
        var database: DatabaseSettings

        init(from reader: inout SettingsReader) {
            server = ServerSettings(from: &reader, port: 0)
            database = DatabaseSettings(from: &reader)
        }
    }

    @Test func replicasThatStartTogetherMigrateOnce() async throws {
        let url = try await sharedPostgres().makeDatabase()
        let databases = try (0..<4).map { _ in try makeDatabase(url).0 }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for database in databases { group.addTask { try await database.run() } }
            #expect(await eventually { databases.allSatisfy(\.isReady) })
            group.cancelAll()
            try await group.waitForAll()
        }
        let versions = try await sharedPostgres().sql(
            "SELECT version FROM chorus_migrations ORDER BY 1", url: url)
        #expect(versions.split(separator: "\n").map(String.init) == Schema.migrations.map { "\($0.version)" })
    }

    @Test func aSchemaThatLacksWhatIsNeededEndsTheProcess() async throws {
        let url = try await sharedPostgres().makeDatabase()
        let (first, _) = try makeDatabase(url)
        try await withBackground({ try await first.run() }) {
            #expect(await eventually { first.isReady })
        }
        try await sharedPostgres().sql(
            "INSERT INTO chorus_migrations (version, name, checksum, oldest_program) VALUES (99, 'later', 'x', 98)",
            url: url)
        let (second, process) = try makeDatabase(url)
        do {
            try await second.run()
            Issue.record("it went on")
        } catch let failure as ServiceFailure {
            #expect(failure.code == .unavailable)
            #expect(failure.message.contains("98"))
        }
        #expect(!second.isReady && !process.readiness.isReady)
    }

    private func refuses(_ database: ServiceDatabase) async -> Bool {
        await thrown(PostgresError.self) {
            _ = try await database.pool.execute("INSERT INTO photos (photo_id) VALUES ('p')")
        } != nil
    }

    @Test func aReadOnlyDatabaseIsNotReady() async throws {
        try await withPostgres { postgres, url in
            let (database, process) = try makeDatabase(url)
            try await withBackground({ try await database.run() }) {
                #expect(await eventually { process.readiness.isReady })
                try await postgres.sql("ALTER SYSTEM SET default_transaction_read_only = on")
                try await postgres.sql("SELECT pg_reload_conf()")
                #expect(await eventually { await refuses(database) })
                #expect(
                    await eventually {
                        process.readiness.status().blocking["postgresql"] == "PostgreSQL is read-only"
                    })
            }
        }
    }

    @Test func aDatabaseThatIsAwayAtTheStartIsWaitedFor() async throws {
        try await withPostgres { postgres, _ in
            await postgres.kill()
            let (database, process) = try makeDatabase(postgres.url)
            try await withBackground({ try await database.run() }) {
                #expect(await eventually { database.pool.statistics.connectFailures > 2 })
                #expect(!database.isMigrated)
                #expect(process.readiness.status().blocking["postgresql"] == "PostgreSQL's schema is not there yet")
                try await postgres.start()
                #expect(await eventually { process.readiness.isReady })
            }
        }
    }
}
