import Foundation

/// A pooler in transaction mode between the services and PostgreSQL.
extension Drill {
    static let pgBouncer = Drill(
        name: "pgbouncer",
        story: "PgBouncer in transaction mode stands before PostgreSQL, dies by SIGKILL and comes back after 2 s.",
        database: .needed, arrange: { layout, _ in layout.addPooler() }, strike: killPooler)

    static let likesPgBouncer = Drill(
        name: "likes-pgbouncer", story: "The same while people like photos; nobody who likes may notice.",
        crowd: .likes, mustGoUnnoticed: true, arrange: { layout, _ in layout.addPooler() }, strike: killPooler)

    private static let killPooler: Strike = { try await $0.kill($0.testbed.node("pgbouncer"), for: .seconds(2)) }
}

extension DrillLayout {
    fileprivate mutating func addPooler() {
        notes.append("PgBouncer: pool_mode = transaction, default_pool_size = 4")
        surround = { services in
            guard let postgres = services.postgres else { return }
            let testbed = services.testbed
            let port = try Ports.free(1)[0]
            let file = "\(testbed.folders.data)/pgbouncer.ini"
            let settings = """
                [databases]
                postgres = host=127.0.0.1 port=\(postgres.port) user=chorus
                [pgbouncer]
                listen_addr = 127.0.0.1
                listen_port = \(port)
                unix_socket_dir =
                auth_type = any
                pool_mode = transaction
                default_pool_size = 4
                """
            try settings.write(toFile: file, atomically: true, encoding: .utf8)
            let specification = ChildSpecification(
                name: "pgbouncer", executable: try testbed.binaries.system("pgbouncer", package: "pgbouncer"),
                arguments: [file], log: testbed.folders.log("pgbouncer"), user: try PrivatePostgres.unprivilegedUser())
            let node = try await testbed.add(
                Node(role: .postgres, specification: specification, port: port, readiness: postgres.node.readiness))
            try await testbed.waitUntilReady([node])
            services.serviceEnvironment.database = "postgresql://chorus@127.0.0.1:\(port)/postgres"
        }
    }
}
