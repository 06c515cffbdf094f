import Foundation
import Glibc
import Logging
import PostgresLibpq
import Subprocess
import SystemPackage

/// A PostgreSQL cluster of this run alone, in a folder that goes away with it.
struct PrivatePostgres: Sendable {
    let node: Node

    var port: Int { node.port ?? 0 }
    var url: String { "postgresql://chorus@127.0.0.1:\(port)/postgres" }

    /// Makes the cluster, starts it and waits until it takes connections. PostgreSQL refuses to run as root; then it runs
    /// as `postgres`, or as `nobody` where that user does not exist.
    ///
    /// - Parameters:
    ///   - settings: more of its configuration, for instance `["statement_timeout": "2s"]`.
    ///   - primary: of which it is a standby.
    static func start(
        in testbed: Testbed, name: String = "postgres", settings: [String: String] = [:],
        copying primary: PrivatePostgres? = nil
    ) async throws -> PrivatePostgres {
        let programs = try Programs(testbed.binaries)
        let directory = "\(testbed.folders.data)/\(name)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let user = try unprivilegedUser()
        if let user, chown(directory, user.id, user.group) != 0 {
            throw Failure.unavailable("cannot hand \(directory) to another user: \(String(cString: strerror(errno)))")
        }
        try await makeCluster(in: testbed, "\(directory)/data", name: name, of: primary, user: user)
        let port = try Ports.free(1)[0]
        let specification = ChildSpecification(
            name: name, executable: programs.postgres, arguments: arguments(directory, port: port, settings: settings),
            log: testbed.folders.log(name),
            // SIGINT is its fast shutdown, SIGQUIT the one that leaves nothing behind but the need to replay its log.
            stopSignal: .interrupt, grace: .seconds(15), deathSignal: .quit, user: user)
        let readiness = Readiness.postgres(program: programs.isReady)
        let node = try await testbed.add(
            Node(role: .postgres, specification: specification, port: port, readiness: readiness))
        try await testbed.waitUntilReady([node])
        return PrivatePostgres(node: node)
    }

    private struct Programs {
        let postgres: String
        let isReady: String

        init(_ binaries: Binaries) throws(Failure) {
            postgres = try binaries.system("postgres", package: "postgresql")
            isReady = try binaries.system("pg_isready", package: "postgresql-client")
        }
    }

    private static func arguments(_ directory: String, port: Int, settings: [String: String]) -> [String] {
        let fixed = ["-D", "\(directory)/data", "-p", "\(port)", "-k", directory, "-c", "listen_addresses=127.0.0.1"]
        return fixed + settings.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
    }

    /// A child like the others, so that it too ends with the Orchestrator.
    private static func makeCluster(
        in testbed: Testbed, _ directory: String, name: String, of primary: PrivatePostgres?,
        user: ChildSpecification.User?
    ) async throws {
        let program = primary == nil ? "initdb" : "pg_basebackup"
        let arguments =
            primary.map {
                ["-D", directory, "-R", "--checkpoint=fast", "--no-sync", "-d", $0.url]
            } ?? ["-D", directory, "-U", "chorus", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        let specification = ChildSpecification(
            name: "\(name)-\(program)", executable: try testbed.binaries.system(program, package: "postgresql"),
            arguments: arguments, log: testbed.folders.log("\(name)-\(program)"), life: .ends(codes: [0]), user: user)
        let child = try await testbed.supervisor.start(specification)
        guard try await Polling.wait(atMost: .seconds(60), for: { child.exit }) == .code(0) else {
            let tail = LogTail.read(specification.log).joined(separator: "\n    ")
            throw Failure.unavailable("\(program) failed:\n    \(tail)")
        }
    }

    /// Runs statements without values, separated by semicolons, whatever this server is: also a standby.
    func run(_ script: StaticString) async throws {
        let pool = PostgresPool(
            configuration: try PostgresConfiguration(url: "\(url)?target_session_attrs=any"),
            logger: Logger(label: "postgres", factory: { _ in SwiftLogNoOpLogHandler() }))
        pool.start()
        do {
            try await pool.withConnection { try $0.run(script: script) }
        } catch {
            await pool.stop()
            throw Failure.unavailable("\(node.name): \(script): \(error)")
        }
        await pool.stop()
    }

    static func unprivilegedUser() throws(Failure) -> ChildSpecification.User? {
        guard geteuid() == 0 else { return nil }
        guard let entry = getpwnam("postgres") ?? getpwnam("nobody") else {
            throw .unavailable("PostgreSQL cannot run as root, and there is neither a user 'postgres' nor 'nobody'")
        }
        return ChildSpecification.User(id: entry.pointee.pw_uid, group: entry.pointee.pw_gid)
    }
}
