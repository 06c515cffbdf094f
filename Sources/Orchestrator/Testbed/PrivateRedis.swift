import Foundation

/// A redis-server of this run alone.
struct PrivateRedis: Sendable {
    let node: Node
    /// Holds its append-only file, if any.
    let directory: String

    var port: Int { node.port ?? 0 }
    var url: String { "redis://127.0.0.1:\(port)" }

    /// Starts it and waits until it answers.
    ///
    /// - Parameters:
    ///   - appendOnly: writes an append-only file, so that it survives a restart; synced once a second.
    ///   - arguments: more of its configuration, for instance `["--client-output-buffer-limit", "pubsub 1mb 1mb 10"]`.
    static func start(
        in testbed: Testbed, name: String = "redis", appendOnly: Bool = false, arguments: [String] = [],
        environment: [String: String] = [:]
    ) async throws -> PrivateRedis {
        let program = try testbed.binaries.system("redis-server", package: "redis-server")
        let directory = "\(testbed.folders.data)/\(name)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let port = try Ports.free(1)[0]
        let fixed = [
            "--port", "\(port)", "--bind", "127.0.0.1", "--dir", directory, "--daemonize", "no", "--save", "",
            "--appendonly", appendOnly ? "yes" : "no", "--unixsocket", "\(directory)/redis.sock",
        ]
        let specification = ChildSpecification(
            name: name, executable: program, arguments: fixed + arguments, environment: environment,
            log: testbed.folders.log(name))
        let node = try await testbed.add(
            Node(role: .redis, specification: specification, port: port, readiness: .redis))
        try await testbed.waitUntilReady([node])
        return PrivateRedis(node: node, directory: directory)
    }

    /// Deletes what it wrote, for a server that comes back empty. Only while it does not run.
    func forget() {
        guard !node.isRunning else { return }
        for file in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
            try? FileManager.default.removeItem(atPath: "\(directory)/\(file)")
        }
    }
}
