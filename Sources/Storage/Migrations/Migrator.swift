public import PostgresLibpq

/// Brings the schema to the program's version.
///
/// Any number of processes may do this at once: an advisory lock lets one in at a time, and all steps of one run are
/// one transaction, so that a process that dies leaves the schema as it was.
public struct Migrator: Sendable {
    private let migrations: [Migration]
    private let timeout: Duration

    /// - Parameter timeout: for each step, and for the wait until other processes are through.
    public init(migrations: [Migration] = Schema.migrations, timeout: Duration = .seconds(120)) {
        self.migrations = migrations
        self.timeout = timeout
    }

    /// Applies what is missing.
    ///
    /// - Returns: the versions that this call applied.
    /// - Throws: ``MigrationError``; `PostgresError` when the database is away or a step fails.
    @discardableResult
    public func migrate(_ pool: PostgresPool) async throws -> [Int] {
        guard migrations.map(\.version) == Array(1..<(migrations.count + 1)) else {
            throw MigrationError.stepsAreMisnumbered
        }
        let migrations = migrations
        return try await pool.transaction(timeout: timeout) { connection in
            try connection.query("SELECT pg_advisory_xact_lock($1)", [.bigint(lockKey)])
            try connection.run(script: table)
            let missing = try Migrator.missing(migrations, applied: Migrator.applied(connection))
            for migration in missing { try Migrator.apply(migration, connection) }
            return missing.map(\.version)
        }
    }

    /// The steps to run; pure.
    static func missing(
        _ migrations: [Migration], applied: [(version: Int, checksum: String)]
    ) throws(MigrationError) -> [Migration] {
        let newest = applied.map(\.version).max() ?? 0
        guard newest <= migrations.count else {
            throw .databaseIsNewer(database: newest, program: migrations.count)
        }
        let checksums = Dictionary(applied.map { ($0.version, $0.checksum) }) { first, _ in first }
        var missing: [Migration] = []
        for migration in migrations {
            switch checksums[migration.version] {
            case nil: missing.append(migration)
            case migration.checksum: continue
            default: throw .stepWasChanged(version: migration.version)
            }
        }
        return missing
    }

    private static func applied(_ connection: PostgresConnection) throws -> [(version: Int, checksum: String)] {
        try connection.query("SELECT version, checksum FROM chorus_migrations ORDER BY version") {
            row throws(PostgresError) in (version: Int(try row.integer(0)), checksum: try row.text(1))
        }
    }

    private static func apply(_ migration: Migration, _ connection: PostgresConnection) throws {
        try connection.run(script: migration.script)
        try connection.execute(
            "INSERT INTO chorus_migrations (version, name, checksum) VALUES ($1, $2, $3)",
            [.integer(Int32(clamping: migration.version)), .text(migration.name), .text(migration.checksum)])
    }
}

/// Any number that nothing else in the database uses for an advisory lock.
private let lockKey: Int64 = 0x43_68_6f_72_75_73

private let table: StaticString = """
    CREATE TABLE IF NOT EXISTS chorus_migrations (
        version integer PRIMARY KEY,
        name text NOT NULL,
        checksum text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
    """
