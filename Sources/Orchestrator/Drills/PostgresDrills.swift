import NIOCore
import Testbed

/// PostgreSQL that stops, hands over to its standby, or lacks a table; and a pooler before it.
extension Drill {
    static let postgresDown = Drill(
        name: "postgres-down", story: "PostgreSQL is stopped for 10 s.", database: .needed, strike: stopPostgres)

    static let likesPostgresDown = Drill(
        name: "likes-postgres-down", story: "PostgreSQL is stopped for 10 s; likes go on and reach it later.",
        crowd: .likes, mustGoUnnoticed: true, strike: stopPostgres)

    private static let stopPostgres: Strike = { fault in
        let postgres = try fault.database()
        fault.tell(.begin, "SIGINT to PostgreSQL")
        await postgres.stop()
        try await Task.sleep(for: .seconds(10))
        try await postgres.start()
        fault.tell(.end, "PostgreSQL takes connections again")
    }

    // MARK: A standby becomes the primary: the old one holds its connections and refuses to write, or is dead

    static let postgresDemoted = Drill(
        name: "postgres-demoted",
        story: "PostgreSQL becomes read-only and its standby is promoted: services that know both move on.",
        database: .needed, arrange: { setup, _ in setup.addStandby() }, strike: demotePostgres)

    static let likesPostgresDemoted = Drill(
        name: "likes-postgres-demoted", story: "The same while people like photos; nobody who likes may notice.",
        crowd: .likes, mustGoUnnoticed: true, arrange: { setup, _ in setup.addStandby() }, strike: demotePostgres)

    private static let demotePostgres: Strike = { fault in
        let primary = try fault.database()
        let standby = try fault.testbed.node("postgres-2")
        fault.tell(.begin, "postgres becomes read-only")
        try await primary.sql("ALTER SYSTEM SET default_transaction_read_only = on")
        try await primary.sql("SELECT pg_reload_conf()")
        // The standby gets what is under way.
        try await Task.sleep(for: .seconds(1))
        try await standby.sql("SELECT pg_promote()")
        fault.tell(.step, "postgres-2 is promoted")
        fault.note(
            "acknowledged beside a read-only postgres", try await fault.acknowledged(100, within: .seconds(10)),
            promised: 100...Int.max)
        await primary.stop()
        fault.tell(.end, "postgres has ended")
    }

    static let postgresPromoted = Drill(
        name: "postgres-promoted",
        story: "PostgreSQL dies by SIGKILL and its synchronous standby is promoted: writers get 503, then all goes on.",
        database: .needed, arrange: { setup, _ in setup.addStandby(isSynchronous: true) }
    ) { fault in
        let primary = try fault.database()
        let standby = try fault.testbed.node("postgres-2")
        let inStep = try await primary.sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")
        fault.note("standbys that every commit waits for", Int(inStep) ?? 0, needed: 1...1)
        fault.tell(.begin, "SIGKILL to postgres")
        await primary.kill()
        // Nothing that was answered before is on its way any more.
        try await Task.sleep(for: .seconds(1))
        let meanwhile = try await fault.acknowledged(.max, within: .seconds(1))
        fault.note("acknowledged without a primary", meanwhile, promised: 0...0)
        let status = await fault.comment("nobody-watches", through: fault.services.commentAPIs[0], within: .seconds(10))
        fault.note("status that a writer gets meanwhile", status, promised: 503...503)
        try await standby.sql("SELECT pg_promote()")
        fault.tell(.end, "postgres-2 is promoted")
        let start = ContinuousClock.now
        fault.note(
            "acknowledged with postgres-2", try await fault.acknowledged(100, within: .seconds(10)),
            promised: 100...Int.max)
        let milliseconds = Int((ContinuousClock.now - start) / .milliseconds(1))
        fault.note("ms from the promotion to a hundred acknowledgements", milliseconds, promised: 0...10_000)
        let services = fault.services.commentAPIs + fault.services.readers
        fault.note("services that were started again", services.count { $0.starts > 1 }, promised: 0...0)
    }

    // MARK: A pooler in transaction mode between the services and PostgreSQL

    static let pgBouncer = Drill(
        name: "pgbouncer",
        story: "PgBouncer in transaction mode stands before PostgreSQL, dies by SIGKILL and comes back after 2 s.",
        database: .needed, arrange: { setup, _ in setup.addPooler() }, strike: killPooler)

    static let likesPgBouncer = Drill(
        name: "likes-pgbouncer", story: "The same while people like photos; nobody who likes may notice.",
        crowd: .likes, mustGoUnnoticed: true, arrange: { setup, _ in setup.addPooler() }, strike: killPooler)

    private static let killPooler: Strike = { try await $0.kill($0.testbed.node("pgbouncer"), for: .seconds(2)) }

    // MARK: Somebody's migration goes wrong for a while

    static let tableMissing = Drill(
        name: "table-missing",
        story: "The table of likes is renamed and comes back under its name 5 s later; what waited for it arrives.",
        crowd: .likes, mustGoUnnoticed: true
    ) { fault in
        let postgres = try fault.database()
        fault.tell(.begin, "ALTER TABLE likes RENAME TO likes_away")
        try await postgres.sql("ALTER TABLE likes RENAME TO likes_away")
        fault.note(
            "likes acknowledged meanwhile", try await fault.acknowledged(.max, within: .seconds(5)),
            needed: 200...Int.max)
        try await postgres.sql("ALTER TABLE likes_away RENAME TO likes")
        fault.tell(.end, "the table is back")
    }
}

extension ExperimentSetup {
    /// - Parameter isSynchronous: whether a commit waits until the standby has it.
    fileprivate mutating func addStandby(isSynchronous: Bool = false) {
        notes.append("DATABASE_URL=postgresql://…@<postgres>,<postgres-2>/postgres?target_session_attrs=read-write")
        surround = { services in
            guard let primary = services.postgres else { return }
            let standby = try await services.testbed.startPostgres(
                name: "postgres-2", copying: primary)
            if isSynchronous {
                try await primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
                try await primary.sql("SELECT pg_reload_conf()")
            }
            services.told.database =
                "postgresql://chorus@127.0.0.1:\(primary.port),127.0.0.1:\(standby.port)/postgres"
                + "?target_session_attrs=read-write"
        }
    }

    fileprivate mutating func addPooler() {
        notes.append("PgBouncer: pool_mode = transaction, default_pool_size = 4")
        surround = { services in
            guard let postgres = services.postgres else { return }
            let pooler = try await services.testbed.startPgBouncer(before: postgres, sessions: 4)
            services.told.database = pooler.url
        }
    }
}
