import PostgresLibpq
import TestSupport
import Testbed
import Testing

@testable import Storage

@Suite struct MigratorTests {
    @Test func manyProcessesAtOnceApplyEachStepOnce() async throws {
        let url = try await sharedPostgres().makeDatabase()
        let applied = try await withThrowingTaskGroup(of: [Int].self) { group in
            for _ in 0..<8 {
                group.addTask { try await withPool(url: url) { try await Migrator().migrate($0) } }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(applied.sorted() == Schema.migrations.map(\.version))
        let rows = try await sharedPostgres().sql("SELECT count(*) FROM chorus_migrations", url: url)
        #expect(rows == "\(Schema.migrations.count)")
    }

    private static let own = Schema.migrations.count

    private func migrate(_ pool: PostgresPool, with later: Migration...) async throws -> [Int] {
        try await Migrator(migrations: Schema.migrations + later).migrate(pool)
    }

    /// A newer program has added a table: this one goes on, as one of a rolling upgrade must.
    @Test func aDatabaseWithMoreThanIsKnownIsUsed() async throws {
        try await withDatabase { pool in
            let added = Migration(version: Self.own + 1, name: "more", script: "CREATE TABLE more (n int8)")
            let newer = try await migrate(pool, with: added)
            let older = try await Migrator().migrate(pool)
            #expect(newer == [added.version] && older.isEmpty)
        }
    }

    /// The newer program has removed what this one needs.
    @Test func aDatabaseThatLacksWhatIsNeededIsRefused() async throws {
        try await withDatabase { pool in
            let newest = Self.own + 1
            let removed = Migration(
                version: newest, name: "less", oldestProgram: newest, script: "DROP TABLE notification_likers")
            let applied = try await migrate(pool, with: removed)
            #expect(applied == [newest])
            let refusal = MigrationError.programIsTooOld(database: newest, oldestProgram: newest, program: Self.own)
            await #expect(throws: refusal) { try await Migrator().migrate(pool) }
        }
    }

    /// As databases were before steps said which programs may go on.
    @Test func aTableOfStepsWithoutTheOldestProgramIsUsed() async throws {
        try await withDatabase { pool in
            try await pool.execute("ALTER TABLE chorus_migrations DROP COLUMN oldest_program")
            let again = try await Migrator().migrate(pool)
            let added = Migration(version: Self.own + 1, name: "more", script: "CREATE TABLE more (n int8)")
            let newer = try await migrate(pool, with: added)
            let oldest = try await pool.numbers("SELECT oldest_program::int8 FROM chorus_migrations")
            #expect(again.isEmpty && newer == [added.version])
            #expect(oldest == Array(repeating: 1, count: Self.own + 1))
        }
    }

    private static func index(_ version: Int) -> Migration {
        Migration(
            version: version, name: "index",
            outsideTransaction: [
                "DROP INDEX CONCURRENTLY IF EXISTS by_user", "CREATE INDEX CONCURRENTLY by_user ON comments (user_id)",
            ])
    }

    /// Between steps that are one transaction, by several processes at once, each with one connection; also behind a pooler,
    /// where no lock outlives a transaction.
    @Test(arguments: [false, true])
    func aStepThatMayNotStandInATransaction(isPooled: Bool) async throws {
        let steps =
            Schema.migrations + [
                Self.index(Self.own + 1),
                Migration(version: Self.own + 2, name: "more", script: "CREATE TABLE more (n int8)"),
            ]
        try await withPgBouncer(sessions: 8) { pooled, direct in
            let url = isPooled ? pooled : direct
            let applied = try await withThrowingTaskGroup(of: [Int].self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await withPool(url: url, connections: 1) {
                            try await Migrator(migrations: steps).migrate($0)
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(applied.sorted() == steps.map(\.version))
            let valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_user'::regclass"
            let answer = try await sharedPostgres().sql(valid, url: direct)
            #expect(answer == "t")
        }
    }

    /// The index could not be unique: it stays behind, not valid, and the step is done again.
    @Test func aStepOutsideATransactionThatFailedIsRepeated() async throws {
        try await withDatabase { pool in
            try await pool.execute("INSERT INTO photos (photo_id, owner_id) VALUES ('a', 'o'), ('b', 'o')")
            let step = Migration(
                version: Self.own + 1, name: "unique",
                outsideTransaction: [
                    "DROP INDEX CONCURRENTLY IF EXISTS owners",
                    "CREATE UNIQUE INDEX CONCURRENTLY owners ON photos (owner_id)",
                ])
            let error = await thrown(PostgresError.self) { _ = try await migrate(pool, with: step) }
            #expect(error?.code == .constraint)
            try await pool.execute("DELETE FROM photos WHERE photo_id = 'b'")
            let applied = try await migrate(pool, with: step)
            #expect(applied == [step.version])
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
        let server = try await sharedPostgres()
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
        let url = try await sharedPostgres().makeDatabase()
        await #expect(throws: MigrationError.stepsAreMisnumbered) {
            try await withPool(url: url) {
                try await Migrator(migrations: [Migration(version: 2, name: "x", script: "SELECT 1")]).migrate($0)
            }
        }
    }
}

extension MigratorTests {
    /// Whoever runs this learns what to do; trying again would not help.
    @Test func anExtensionThatCannotBeLoadedIsSaidPlainly() async throws {
        try await withDatabase { pool in
            let unknown = Migration(
                version: Schema.migrations.count + 1, name: "x", needsExtension: "no_such_thing",
                by: "CREATE EXTENSION no_such_thing")
            let error = await thrown(MigrationError.self) {
                _ = try await Migrator(migrations: Schema.migrations + [unknown]).migrate(pool)
            }
            #expect(error?.description.contains("no_such_thing is not in the database") == true)
        }
        // A user that may do nothing but what the extension's absence is about: PostgreSQL trusts pg_trgm to whoever may CREATE.
        let server = try await sharedPostgres()
        let url = try await server.makeDatabase()
        let name = try #require(url.split(separator: "/").last)
        let role = "plain_\(name)"
        try await server.sql(
            "CREATE ROLE \(role) LOGIN; GRANT ALL ON SCHEMA public TO \(role); REVOKE CREATE ON DATABASE \(name) FROM PUBLIC",
            url: url)
        let plain = url.replacing("chorus@", with: "\(role)@")
        let refusal = await thrown(MigrationError.self) {
            try await withPool(url: plain) { pool in _ = try await Migrator().migrate(pool) }
        }
        #expect(refusal?.description.contains("CREATE EXTENSION pg_trgm") == true)
        try await server.sql("GRANT CREATE ON DATABASE \(name) TO \(role)", url: url)
        try await withPool(url: plain) { pool in _ = try await Migrator().migrate(pool) }
        #expect(try await server.sql("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'", url: url) == "1")
    }
}
