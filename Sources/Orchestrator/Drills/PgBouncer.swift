import Testbed

/// A pooler in transaction mode between the services and PostgreSQL.
extension Drill {
    static let pgBouncer = Drill(
        name: "pgbouncer",
        story: "PgBouncer in transaction mode stands before PostgreSQL, dies by SIGKILL and comes back after 2 s.",
        database: .needed, arrange: { setup, _ in setup.addPooler() }, strike: killPooler)

    static let likesPgBouncer = Drill(
        name: "likes-pgbouncer", story: "The same while people like photos; nobody who likes may notice.",
        crowd: .likes, mustGoUnnoticed: true, arrange: { setup, _ in setup.addPooler() }, strike: killPooler)

    private static let killPooler: Strike = { try await $0.kill($0.testbed.node("pgbouncer"), for: .seconds(2)) }
}

extension ExperimentSetup {
    fileprivate mutating func addPooler() {
        notes.append("PgBouncer: pool_mode = transaction, default_pool_size = 4")
        surround = { services in
            guard let postgres = services.postgres else { return }
            let pooler = try await services.testbed.startPgBouncer(before: postgres, sessions: 4)
            services.told.database = pooler.url
        }
    }
}
