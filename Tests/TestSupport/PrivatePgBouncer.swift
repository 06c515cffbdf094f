import Foundation

/// A PgBouncer of one test in front of a ``PrivatePostgres``, in transaction mode: a session with PostgreSQL is lent for
/// one transaction at a time.
public final class PrivatePgBouncer: Sendable {
    public struct NotReady: Error, CustomStringConvertible {
        public let log: String
        public var description: String { "pgbouncer did not answer: \(log)" }
    }

    public let port: Int
    private let folder: String
    private let process: ChildProcess

    /// - Parameter sessions: the most sessions with PostgreSQL for one database; clients beyond them take turns.
    init(_ postgres: PrivatePostgres, sessions: Int) async throws {
        port = try makeFreePort()
        folder = try PrivatePostgres.makeDirectory(prefix: "chorus-pgbouncer")
        let settings = """
            [databases]
            * = host=\(postgres.directory) port=\(postgres.port)
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = \(port)
            unix_socket_dir =
            auth_type = trust
            auth_file = \(folder)/users.txt
            pool_mode = transaction
            default_pool_size = \(sessions)
            """
        try settings.write(toFile: "\(folder)/pgbouncer.ini", atomically: true, encoding: .utf8)
        try #""chorus" """#.write(toFile: "\(folder)/users.txt", atomically: true, encoding: .utf8)
        for name in ["pgbouncer.ini", "users.txt"] { chmod("\(folder)/\(name)", 0o644) }
        process = try ChildProcess(
            PostgresCommand.unprivileged("/usr/sbin/pgbouncer", ["\(folder)/pgbouncer.ini"]),
            log: folder + ".log")
        let probe = [PostgresCommand.path("pg_isready"), "-q", "-h", "127.0.0.1", "-p", "\(port)"]
        guard await eventually({ try await PostgresCommand.run(probe).isEmpty }) else { throw NotReady(log: log) }
    }

    private var logPath: String { folder + ".log" }
    private var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

    /// The same database as `url`, one of ``PrivatePostgres/makeDatabase()``, through this pooler.
    public func url(_ url: String) -> String {
        let database = url.split(separator: "@/").last?.prefix { $0 != "?" } ?? ""
        return "postgresql://chorus@127.0.0.1:\(port)/\(database)"
    }

    func stop() async {
        await process.end(SIGINT)
        removeFolder(folder)
        try? FileManager.default.removeItem(atPath: logPath)
    }
}

/// Runs `body` with the connection string of an empty database behind a PgBouncer in transaction mode, and the one that
/// leads past it.
public func withPgBouncer<Value>(
    sessions: Int = 2, isolation: isolated (any Actor)? = #isolation,
    _ body: (_ pooled: String, _ direct: String) async throws -> Value
) async throws -> Value {
    let postgres = try await PrivatePostgres.shared()
    let direct = try await postgres.makeDatabase()
    let bouncer = try await PrivatePgBouncer(postgres, sessions: sessions)
    return try await withEnd({ await bouncer.stop() }) { try await body(bouncer.url(direct), direct) }
}
