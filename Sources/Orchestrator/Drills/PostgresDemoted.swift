import Foundation

/// A standby becomes the primary, and the primary its standby.
extension Drill {
    static let postgresDemoted = Drill(
        name: "postgres-demoted",
        story: "PostgreSQL stops, its standby is promoted, and it comes back as the standby: DATABASE_URL names both.",
        database: .needed, arrange: { layout, _ in layout.addStandby() }, strike: demotePostgres)

    static let likesPostgresDemoted = Drill(
        name: "likes-postgres-demoted", story: "The same while people like photos; nobody who likes may notice.",
        crowd: .likes, mustGoUnnoticed: true, arrange: { layout, _ in layout.addStandby() }, strike: demotePostgres)

    private static let demotePostgres: Strike = { fault in
        let primary = try fault.database()
        let standby = PrivatePostgres(node: try fault.plant.node("postgres-2"))
        fault.tell(.begin, "SIGINT to postgres")
        // It ends when the standby has everything.
        await fault.plant.stop(primary.node)
        try await standby.run("SELECT pg_promote()")
        fault.tell(.step, "postgres-2 is promoted")
        try primary.follow(standby, in: fault.plant)
        try await fault.startAgain(primary.node)
        fault.tell(.end, "postgres is back as its standby")
        // The audit reads what everybody reads.
        let acknowledged = try await fault.acknowledged(100, within: .seconds(15))
        fault.note("acknowledged afterwards", acknowledged, promised: 100...Int.max)
    }
}

extension DrillLayout {
    fileprivate mutating func addStandby() {
        notes.append("DATABASE_URL=postgresql://…@<postgres>,<postgres-2>/postgres?target_session_attrs=read-write")
        surround = { services in
            guard let primary = services.postgres else { return }
            let standby = try await PrivatePostgres.start(in: services.plant, name: "postgres-2", copying: primary)
            services.surroundings.database =
                "postgresql://chorus@127.0.0.1:\(primary.port),127.0.0.1:\(standby.port)/postgres"
                + "?target_session_attrs=read-write"
        }
    }
}
