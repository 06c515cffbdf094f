import PostgresLibpq
import TestSupport
import Testing

@testable import Storage

@Suite struct MigratorTests {
    @Test func manyProcessesAtOnceApplyEachStepOnce() async throws {
        let url = try await PrivatePostgres.shared().makeDatabase()
        let applied = try await withThrowingTaskGroup(of: [Int].self) { group in
            for _ in 0..<8 {
                group.addTask { try await withPool(url: url) { try await Migrator().migrate($0) } }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(applied.sorted() == Schema.migrations.map(\.version))
        let rows = try await PrivatePostgres.shared().sql("SELECT count(*) FROM chorus_migrations", url: url)
        #expect(rows == "\(Schema.migrations.count)")
    }

    @Test func aNewerDatabaseIsRefused() async throws {
        try await withDatabase { pool in
            let known = Array(Schema.migrations.prefix(1))
            await #expect(throws: MigrationError.databaseIsNewer(database: Schema.migrations.count, program: 1)) {
                try await Migrator(migrations: known).migrate(pool)
            }
        }
    }

    @Test func anEditedStepIsRefused() async throws {
        try await withDatabase { pool in
            var edited = Schema.migrations
            edited[0] = Migration(version: 1, name: "comments", script: "SELECT 1")
            let migrations = edited
            await #expect(throws: MigrationError.stepWasChanged(version: 1)) {
                try await Migrator(migrations: migrations).migrate(pool)
            }
        }
    }

    @Test func aStepThatFailsLeavesNothing() async throws {
        let server = try await PrivatePostgres.shared()
        let url = try await server.makeDatabase()
        let steps = [
            Migration(version: 1, name: "good", script: "CREATE TABLE good (n int8)"),
            Migration(version: 2, name: "bad", script: "CREATE TABLE half (n int8); SELECT nonsense"),
        ]
        await #expect(throws: PostgresError.self) {
            try await withPool(url: url) { try await Migrator(migrations: steps).migrate($0) }
        }
        let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        #expect(try await server.sql(tables, url: url) == "0")
        let repaired = [steps[0], Migration(version: 2, name: "good", script: "CREATE TABLE half (n int8)")]
        let applied = try await withPool(url: url) { try await Migrator(migrations: repaired).migrate($0) }
        #expect(applied == [1, 2])
    }

    @Test func holesAreRefused() async throws {
        let url = try await PrivatePostgres.shared().makeDatabase()
        await #expect(throws: MigrationError.stepsAreMisnumbered) {
            try await withPool(url: url) {
                try await Migrator(migrations: [Migration(version: 2, name: "x", script: "SELECT 1")]).migrate($0)
            }
        }
    }
}
