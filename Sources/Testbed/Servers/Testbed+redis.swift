import Foundation

/// How a private Redis is set up.
public struct RedisOptions: Sendable {
    /// Writes an append-only file, so that it survives a restart: synced once a second, or with every write, so that
    /// whatever it acknowledges is on disk.
    public enum AppendOnly: String, Sendable { case no, everysec, always }

    public var appendOnly: AppendOnly
    public var password: String?
    /// More of its configuration, for instance `["--client-output-buffer-limit", "pubsub 1mb 1mb 10"]`.
    public var arguments: [String]
    public var environment: [String: String]

    public init(
        appendOnly: AppendOnly = .no, password: String? = nil, arguments: [String] = [],
        environment: [String: String] = [:]
    ) {
        self.appendOnly = appendOnly
        self.password = password
        self.arguments = arguments
        self.environment = environment
    }
}

extension Testbed {
    /// Starts a redis-server of this testbed alone, and waits until it answers. It listens on 127.0.0.1, and on
    /// `redis.sock` in its folder.
    ///
    /// - Parameter given: its port; a free one by default.
    public func startRedis(
        _ options: RedisOptions = RedisOptions(), name: String = "redis", port given: Int? = nil
    ) async throws -> Node {
        let directory = try makeDirectory(name)
        let port = try given ?? Ports.one()
        let fixed = [
            "--port", "\(port)", "--bind", "127.0.0.1", "--dir", directory, "--daemonize", "no", "--save", "",
            "--unixsocket", "\(directory)/redis.sock", "--appendonly", options.appendOnly == .no ? "no" : "yes",
        ]
        let file = options.appendOnly == .no ? [] : ["--appendfsync", options.appendOnly.rawValue]
        let password = options.password.map { ["--requirepass", $0] } ?? []
        let specification = ChildSpecification(
            name: name, executable: try binaries.system("redis-server", package: "redis-server"),
            arguments: fixed + file + password + options.arguments, environment: options.environment,
            log: folders.log(name), phase: .servers)
        let login = options.password.map { ":\($0)@" } ?? ""
        let node = try await add(
            .redis, specification, port: port, url: "redis://\(login)127.0.0.1:\(port)", directory: directory,
            readiness: .redis)
        try await Node.waitUntilReady([node])
        return node
    }
}
