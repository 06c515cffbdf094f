public import PostgresLibpq

/// Brings the schema to the program's version.
///
/// Any number of processes may do this at once, also through a pooler: an advisory lock of a transaction lets one in at a
/// time. Neighbouring steps are one transaction, so that a process that dies leaves the schema as it was; a step that may
/// not stand in one runs in a session beside it.
public struct Migrator: Sendable {
    private let migrations: [Migration]
    private let timeout: Duration
    private let outsideTimeout: Duration
    private let pause: Duration

    /// - Parameters:
    ///   - timeout: for each step.
    ///   - outsideTimeout: for each statement outside of a transaction: an index of a large table takes its time.
    ///   - pause: until this process looks again whether others are through.
    public init(
        migrations: [Migration] = Schema.migrations, timeout: Duration = .seconds(120),
        outsideTimeout: Duration = .seconds(6 * 3600), pause: Duration = .milliseconds(100)
    ) {
        self.migrations = migrations
        self.timeout = timeout
        self.outsideTimeout = outsideTimeout
        self.pause = pause
    }

    /// Applies what is missing; waits while another process does so. A schema with more steps than this program knows is
    /// left as it is.
    ///
    /// - Returns: the versions that this call applied.
    /// - Throws: ``MigrationError``; `PostgresError` when the database is away, a step fails, or a table that a step changes
    ///   is in use for too long.
    @discardableResult
    public func migrate(_ pool: PostgresPool) async throws -> [Int] {
        guard migrations.map(\.version) == Array(1..<(migrations.count + 1)) else {
            throw MigrationError.stepsAreMisnumbered
        }
        var applied: [Int] = []
        while true {
            switch try await pool.transaction(timeout: timeout, { try next($0) }) {
            case .complete: return applied
            case .applied(let versions): applied += versions
            case .othersAreAtIt: try await Task.sleep(for: pause)
            }
        }
    }

    private enum Progress {
        case complete
        case applied([Int])
        case othersAreAtIt
    }

    /// Applies the next steps that one transaction can hold.
    private func next(_ connection: PostgresConnection) throws -> Progress {
        guard try !missing(connection).isEmpty else { return .complete }
        // Nobody waits for the lock within a statement: CREATE INDEX CONCURRENTLY waits for the end of all statements, and
        // would wait for those who wait for it.
        let isMine = try connection.query("SELECT pg_try_advisory_xact_lock($1)", [.bigint(lockKey)]) {
            row throws(PostgresError) in try row.boolean(0)
        }
        guard isMine == [true] else { return .othersAreAtIt }
        // A step that waits for a table makes everybody wait who comes after it.
        try connection.query("SELECT set_config('lock_timeout', '5s', true)")
        if try !hasTable(connection) { try connection.run(script: table) }
        // The lock was free only after the others were through.
        let missing = try missing(connection)
        let together = missing.prefix { if case .statements = $0.work { false } else { true } }
        for migration in together { try apply(migration, connection) }
        if together.isEmpty, let alone = missing.first { try apply(alone, connection) }
        return .applied((together.isEmpty ? missing.prefix(1) : together).map(\.version))
    }

    private func missing(_ connection: PostgresConnection) throws -> [Migration] {
        try Self.missing(migrations, applied: hasTable(connection) ? applied(connection) : [])
    }

    /// A step as the database has it.
    struct Applied: Sendable {
        var version: Int
        var checksum: String
        var oldestProgram: Int
    }

    /// The steps to run; pure.
    static func missing(
        _ migrations: [Migration], applied: [Applied]
    ) throws(MigrationError) -> [Migration] {
        let oldest = applied.map(\.oldestProgram).max() ?? 1
        guard oldest <= migrations.count else {
            throw .programIsTooOld(
                database: applied.map(\.version).max() ?? 0, oldestProgram: oldest, program: migrations.count)
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

    /// Whether the table of steps is there, with all columns.
    private func hasTable(_ connection: PostgresConnection) throws -> Bool {
        try !connection.query(
            "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('chorus_migrations') AND attname = 'oldest_program'"
        ).isEmpty
    }

    private func applied(_ connection: PostgresConnection) throws -> [Applied] {
        try connection.query("SELECT version, checksum, oldest_program FROM chorus_migrations ORDER BY version") {
            row throws(PostgresError) in
            Applied(
                version: Int(try row.integer(0)), checksum: try row.text(1), oldestProgram: Int(try row.integer(2)))
        }
    }

    private func apply(_ migration: Migration, _ connection: PostgresConnection) throws {
        switch migration.work {
        case .script(let script): try connection.run(script: script)
        case .needsExtension(let name, let statement): try load(name.description, statement, connection)
        case .statements(let statements):
            // This session holds the lock meanwhile, and nothing else. A script and no query: the answer to a query stays
            // open until the next one, with a view of the data for whose end CREATE INDEX CONCURRENTLY would wait.
            try connection.run(script: "SET LOCAL idle_in_transaction_session_timeout = 0")
            try connection.withOtherSession(statementTimeout: outsideTimeout) { other in
                for statement in statements { try other.run(script: statement) }
            }
        }
        try connection.execute(
            "INSERT INTO chorus_migrations (version, name, checksum, oldest_program) VALUES ($1, $2, $3, $4)",
            [
                .integer(Int32(clamping: migration.version)), .text(migration.name), .text(migration.checksum),
                .integer(Int32(clamping: migration.oldestProgram)),
            ])
    }
}

extension Migrator {
    /// Extensions that PostgreSQL trusts are loaded by whoever may create in the database; said plainly where that is not so,
    /// since trying again does not help.
    private func load(_ name: String, _ statement: StaticString, _ connection: PostgresConnection) throws {
        let state = try connection.query(extensionStatement, [.text(name)]) { row throws(PostgresError) in
            (isThere: try row.boolean(0), isKnown: try row.boolean(1), mayCreate: try row.boolean(2))
        }.first
        guard let state, !state.isThere else { return }
        guard state.isKnown else {
            throw MigrationError.extensionIsMissing(
                name, reason: "this server does not know it: install PostgreSQL's package \"contrib\"")
        }
        guard state.mayCreate else {
            throw MigrationError.extensionIsMissing(
                name, reason: "the user may not CREATE there: let its owner run CREATE EXTENSION \(name)")
        }
        try connection.run(script: statement)
    }
}

private let extensionStatement: PostgresStatement = """
    SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = $1),
        EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = $1),
        has_database_privilege(current_database(), 'CREATE')
    """

/// Any number that nothing else in the database uses for an advisory lock.
private let lockKey: Int64 = 0x43_68_6f_72_75_73

// The second statement is for databases from before the column.
private let table: StaticString = """
    CREATE TABLE IF NOT EXISTS chorus_migrations (
        version integer PRIMARY KEY,
        name text NOT NULL,
        checksum text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now(),
        oldest_program integer NOT NULL DEFAULT 1
    );
    ALTER TABLE chorus_migrations ADD COLUMN IF NOT EXISTS oldest_program integer NOT NULL DEFAULT 1
    """
