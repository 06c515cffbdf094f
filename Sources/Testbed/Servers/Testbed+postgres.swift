import Foundation
import Glibc

extension Testbed {
    /// Makes a cluster, if there is none in its folder, starts it and waits until it takes connections, as user `chorus`
    /// without a password. PostgreSQL refuses to run as root; then it runs as `postgres`, or as `nobody`.
    ///
    /// - Parameters:
    ///   - settings: more of its configuration, for instance `["statement_timeout": "2s"]`.
    ///   - primary: of which it is a standby.
    public func startPostgres(
        name: String = "postgres", settings: [String: String] = [:], copying primary: Node? = nil
    ) async throws -> Node {
        let user = try ChildSpecification.User.unprivileged()
        let directory = try makeDirectory(name, for: user)
        let data = "\(directory)/data"
        if !FileManager.default.fileExists(atPath: "\(data)/PG_VERSION") {
            let program = primary == nil ? "initdb" : "pg_basebackup"
            var specification = ChildSpecification(
                name: "\(name)-\(program)", executable: try binaries.system(program, package: "postgresql"),
                log: folders.log("\(name)-\(program)"))
            specification.arguments =
                primary.map { ["-D", data, "-R", "-X", "stream", "--checkpoint=fast", "--no-sync", "-d", $0.url] }
                ?? ["-D", data, "-U", "chorus", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
            specification.user = user
            try await supervisor.run(specification)
        }
        let port = try Ports.one()
        var specification = ChildSpecification(
            name: name, executable: try binaries.system("postgres", package: "postgresql"),
            arguments: ["-D", data, "-p", "\(port)", "-k", directory, "-c", "listen_addresses=127.0.0.1"]
                + settings.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] },
            log: folders.log(name), phase: .servers)
        // SIGINT is its fast shutdown, SIGQUIT the one that leaves nothing behind but the need to replay its log.
        (specification.stopSignal, specification.grace) = (SIGINT, .seconds(15))
        (specification.deathSignal, specification.user) = (.quit, user)
        let node = try await add(
            .postgres, specification, port: port, url: "postgresql://chorus@127.0.0.1:\(port)/postgres",
            directory: directory, readiness: try postgresReadiness())
        try await Node.waitUntilReady([node])
        return node
    }

    /// Starts a PgBouncer in transaction mode before a PostgreSQL: a session is lent for one transaction at a time.
    ///
    /// - Parameter sessions: the most sessions with PostgreSQL for one database; clients beyond them take turns.
    public func startPgBouncer(before postgres: Node, sessions: Int) async throws -> Node {
        let user = try ChildSpecification.User.unprivileged()
        let directory = try makeDirectory("pgbouncer", for: user)
        let port = try Ports.one()
        let settings = """
            [databases]
            * = host=127.0.0.1 port=\(postgres.port) user=chorus
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = \(port)
            unix_socket_dir =
            auth_type = any
            pool_mode = transaction
            default_pool_size = \(sessions)
            """
        try settings.write(toFile: "\(directory)/pgbouncer.ini", atomically: true, encoding: .utf8)
        var specification = ChildSpecification(
            name: "pgbouncer", executable: try binaries.system("pgbouncer", package: "pgbouncer"),
            arguments: ["\(directory)/pgbouncer.ini"], log: folders.log("pgbouncer"), phase: .servers)
        (specification.stopSignal, specification.user) = (SIGINT, user)
        let node = try await add(
            .pooler, specification, port: port, url: "postgresql://chorus@127.0.0.1:\(port)/postgres",
            directory: directory, readiness: try postgresReadiness())
        try await Node.waitUntilReady([node])
        return node
    }

    private func postgresReadiness() throws(Failure) -> Readiness {
        .postgres(program: try binaries.system("pg_isready", package: "postgresql-client"))
    }
}

extension Node {
    /// The connection string of another database of the same PostgreSQL.
    public func url(database: String) -> String { url.prefix { $0 != "/" } + "//chorus@127.0.0.1:\(port)/\(database)" }

    /// Over its socket, whatever it demands of others.
    private var ownURL: String {
        role == .postgres ? "postgresql://chorus@/postgres?host=\(directory ?? "")&port=\(port)" : url
    }

    /// Runs SQL with psql, whatever this PostgreSQL is: also a standby.
    ///
    /// - Returns: the rows, unaligned, without headers.
    /// - Throws: ``Failure/unavailable(_:)`` with what psql said.
    @discardableResult
    public func sql(_ text: String, url: String? = nil) async throws -> String {
        let program = try Binaries().system("psql", package: "postgresql-client")
        let options = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url ?? ownURL, "-c", text]
        return try await supervisor.output(of: program, options).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
