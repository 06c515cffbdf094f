import Foundation
import Glibc
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
    /// - Parameter settings: more of its configuration, for instance `["statement_timeout": "2s"]`.
    static func start(in plant: Plant, name: String = "postgres", settings: [String: String] = [:]) async throws
        -> PrivatePostgres
    {
        let programs = try Programs(plant.binaries)
        let directory = "\(plant.folders.data)/\(name)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let user = try unprivilegedUser()
        if let user, chown(directory, user.id, user.group) != 0 {
            throw Failure.unavailable("cannot hand \(directory) to another user: \(String(cString: strerror(errno)))")
        }
        try await makeCluster(in: plant, name: name, directory: directory, program: programs.initdb, user: user)
        let port = try Ports.free(1)[0]
        let specification = ChildSpecification(
            name: name, executable: programs.postgres, arguments: arguments(directory, port: port, settings: settings),
            log: plant.folders.log(name),
            // SIGINT is its fast shutdown, SIGQUIT the one that leaves nothing behind but the need to replay its log.
            stopSignal: .interrupt, grace: .seconds(15), deathSignal: .quit, user: user)
        let readiness = Readiness.postgres(program: programs.isReady)
        let node = try await plant.add(
            Node(role: .postgres, specification: specification, port: port, readiness: readiness))
        try await plant.waitUntilReady([node])
        return PrivatePostgres(node: node)
    }

    private struct Programs {
        let initdb: String
        let postgres: String
        let isReady: String

        init(_ binaries: Binaries) throws(Failure) {
            initdb = try binaries.system("initdb", package: "postgresql")
            postgres = try binaries.system("postgres", package: "postgresql")
            isReady = try binaries.system("pg_isready", package: "postgresql-client")
        }
    }

    private static func arguments(_ directory: String, port: Int, settings: [String: String]) -> [String] {
        let fixed = ["-D", "\(directory)/data", "-p", "\(port)", "-k", directory, "-c", "listen_addresses=127.0.0.1"]
        return fixed + settings.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
    }

    /// `initdb` is a child like the others, so that it too ends with the Orchestrator.
    private static func makeCluster(
        in plant: Plant, name: String, directory: String, program: String, user: ChildSpecification.User?
    ) async throws {
        let specification = ChildSpecification(
            name: "\(name)-initdb", executable: program,
            arguments: [
                "-D", "\(directory)/data", "-U", "chorus", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync",
            ],
            log: plant.folders.log("\(name)-initdb"), life: .ends(codes: [0]), user: user)
        let child = try await plant.supervisor.start(specification)
        guard try await Polling.wait(atMost: .seconds(60), for: { child.exit }) == .code(0) else {
            let tail = LogTail.read(specification.log).joined(separator: "\n    ")
            throw Failure.unavailable("initdb failed:\n    \(tail)")
        }
    }

    private static func unprivilegedUser() throws(Failure) -> ChildSpecification.User? {
        guard geteuid() == 0 else { return nil }
        guard let entry = getpwnam("postgres") ?? getpwnam("nobody") else {
            throw .unavailable("PostgreSQL cannot run as root, and there is neither a user 'postgres' nor 'nobody'")
        }
        return ChildSpecification.User(id: entry.pointee.pw_uid, group: entry.pointee.pw_gid)
    }
}
