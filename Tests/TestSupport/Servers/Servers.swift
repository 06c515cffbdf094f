import Glibc
import Primitives
public import Testbed

/// A testbed of the test's own: whatever `body` starts on it is stopped, and its data is gone, whatever happened.
public func withTestbed<Value>(
    isolation: isolated (any Actor)? = #isolation, _ body: (Testbed) async throws -> Value
) async throws -> Value {
    let testbed = Testbed(try Folders())
    return try await withEnd({ await testbed.end() }) { try await body(testbed) }
}

// MARK: Redis

/// Runs `body` with a redis-server of its own.
public func withRedis<Value>(
    _ options: RedisOptions = RedisOptions(), isolation: isolated (any Actor)? = #isolation,
    _ body: (Node) async throws -> Value
) async throws -> Value {
    try await withTestbed { try await body(try await $0.startRedis(options)) }
}

extension Node {
    /// Sends one command to a Redis over a connection of its own; returns the reply as it came (RESP2).
    @discardableResult
    public func command(_ arguments: String...) throws -> String { try command(arguments) }

    @discardableResult
    public func command(_ arguments: [String]) throws -> String {
        let password = url.contains("@") ? url.split(separator: "@")[0].split(separator: ":").last : nil
        let login = password.map { [["AUTH", String($0)]] } ?? []
        let descriptor = try connectToLoopback(port: port, timeoutSeconds: 5)
        defer { close(descriptor) }
        try sendAll((login + [arguments, ["QUIT"]]).map(Self.encode).joined(), to: descriptor)
        var reply = try receiveToEnd(descriptor)
        // QUIT's own answer, and AUTH's.
        if reply.hasSuffix("+OK\r\n") { reply.removeLast("+OK\n".count) }
        if !login.isEmpty, reply.hasPrefix("+OK\r\n") { reply.removeFirst("+OK\n".count) }
        return reply
    }

    /// Its name in a cluster.
    public func clusterID() throws -> String { String(try command("CLUSTER", "MYID").split(separator: "\r\n")[1]) }

    /// Hands over a slot as `redis-cli --cluster reshard` does.
    ///
    /// - Parameters:
    ///   - keys: of the slot, handed over before `body`.
    ///   - isEnded: whether the slot is closed behind `body`.
    public func move(
        slot: Int, to target: Node, keys: [String] = [], isEnded: Bool = true,
        isolation: isolated (any Actor)? = #isolation, while body: () async throws -> Void = {}
    ) async throws {
        func set(_ node: Node, _ arguments: String...) throws {
            let reply = try node.command(["CLUSTER", "SETSLOT", "\(slot)"] + arguments)
            guard reply.hasPrefix("+OK") else { throw Failure.unavailable("\(node.name): SETSLOT: \(reply)") }
        }
        try set(target, "IMPORTING", clusterID())
        try set(self, "MIGRATING", target.clusterID())
        for key in keys { try migrate(key, to: target) }
        try await body()
        guard isEnded else { return }
        for node in [target, self] { try set(node, "NODE", target.clusterID()) }
    }

    public func migrate(_ key: String, to target: Node) throws {
        try command("MIGRATE", "127.0.0.1", "\(target.port)", key, "0", "2000")
    }

    private static func encode(_ arguments: [String]) -> String {
        "*\(arguments.count)\r\n" + arguments.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
    }
}

private func sendAll(_ text: String, to descriptor: Int32) throws {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        guard count > 0 else { throw SystemCallFailed(call: "send", code: errno) }
        rest = rest.dropFirst(count)
    }
}

private func receiveToEnd(_ descriptor: Int32) throws -> String {
    var reply: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = recv(descriptor, &piece, piece.count, 0)
        guard count >= 0 else { throw SystemCallFailed(call: "recv", code: errno) }
        if count == 0 { return String(decoding: reply, as: UTF8.self) }
        reply += piece[..<count]
    }
}

// MARK: PostgreSQL

extension Testbed {
    /// A PostgreSQL that is quick: killed processes lose nothing without `fsync`, only a killed machine does.
    public func startQuickPostgres(
        name: String = "postgres", settings: [String: String] = [:], copying primary: Node? = nil
    ) async throws -> Node {
        let quick = [
            "fsync": "off", "shared_buffers": "32MB", "max_connections": "250", "log_min_messages": "fatal",
        ]
        return try await startPostgres(name: name, settings: quick.merging(settings) { $1 }, copying: primary)
    }
}

/// The PostgreSQL that all tests of this process share; each takes a database of its own from it.
public func sharedPostgres() async throws -> Node { try await shared.value }

private let shared = Task { try await Testbed(Folders()).startQuickPostgres() }

/// Runs `body` with a PostgreSQL that it may kill, and the connection string of an empty database.
public func withPostgres<Value>(
    isolation: isolated (any Actor)? = #isolation, _ body: (Node, String) async throws -> Value
) async throws -> Value {
    try await withTestbed { testbed in
        let server = try await testbed.startQuickPostgres()
        return try await body(server, try await server.makeDatabase())
    }
}

/// Runs `body` with the connection string of an empty database behind a PgBouncer in transaction mode, and the one that
/// leads past it.
public func withPgBouncer<Value>(
    sessions: Int = 2, isolation: isolated (any Actor)? = #isolation,
    _ body: (_ pooled: String, _ direct: String) async throws -> Value
) async throws -> Value {
    let postgres = try await sharedPostgres()
    let direct = try await postgres.makeDatabase()
    return try await withTestbed { testbed in
        let pooler = try await testbed.startPgBouncer(before: postgres, sessions: sessions)
        return try await body(pooler.url(database: String(direct.split(separator: "/").last ?? "")), direct)
    }
}

private let databases = Mutex(0)

extension Node {
    /// The connection string of an empty database of this PostgreSQL.
    public func makeDatabase() async throws -> String {
        let number = databases.withLock { count in
            count += 1
            return count
        }
        try await sql("CREATE DATABASE test_\(number)")
        return url(database: "test_\(number)")
    }

    /// Makes a standby a primary; returns when it takes writes.
    public func promote() async throws { try await sql("SELECT pg_promote()") }
}
