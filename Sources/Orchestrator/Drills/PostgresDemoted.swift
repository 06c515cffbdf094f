import Testbed

/// A standby becomes the primary while the old one still holds its connections, and refuses to write.
extension Drill {
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
}

extension ExperimentSetup {
    fileprivate mutating func addStandby() {
        notes.append("DATABASE_URL=postgresql://…@<postgres>,<postgres-2>/postgres?target_session_attrs=read-write")
        surround = { services in
            guard let primary = services.postgres else { return }
            let standby = try await services.testbed.startPostgres(
                name: "postgres-2", copying: primary)
            services.told.database =
                "postgresql://chorus@127.0.0.1:\(primary.port),127.0.0.1:\(standby.port)/postgres"
                + "?target_session_attrs=read-write"
        }
    }
}
