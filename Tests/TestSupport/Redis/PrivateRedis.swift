public import Glibc
import Primitives

/// A `redis-server` of the test's own: free port, own folder, no configuration file, ended by its process id.
public final class PrivateRedis: Sendable {
    public struct Options: Sendable {
        /// `appendonly yes`, with fsync before each answer: a killed server comes back with all that it acknowledged.
        /// (With `everysec` a busy disk delays the writes themselves, and SIGKILL was seen to lose some.)
        public var appendOnly = false
        public var password: String?
        public var arguments: [String] = []

        public init(appendOnly: Bool = false, password: String? = nil, arguments: [String] = []) {
            self.appendOnly = appendOnly
            self.password = password
            self.arguments = arguments
        }
    }

    public struct NotReady: Error, CustomStringConvertible {
        public let log: String
        public var description: String { "redis-server did not answer; its log: \(log)" }
    }

    public let port: Int
    public let folder: String
    private let options: Options
    private let process = Mutex<ChildProcess?>(nil)

    public init(_ options: Options = Options(), folder: String) throws {
        self.options = options
        self.folder = folder
        self.port = try makeFreePort()
    }

    /// `redis://…`, with the password if there is one.
    public var url: String { "redis://\(options.password.map { ":\($0)@" } ?? "")127.0.0.1:\(port)" }

    /// Starts the server and waits until it answers PING.
    public func start() async throws {
        let arguments =
            [
                "redis-server", "--port", "\(port)", "--bind", "127.0.0.1", "--dir", folder, "--save", "",
                "--appendonly", options.appendOnly ? "yes" : "no", "--appendfsync", "always",
            ] + (options.password.map { ["--requirepass", $0] } ?? []) + options.arguments
        let child = try ChildProcess(arguments, log: "\(folder)/redis.log")
        process.withLock { $0 = child }
        let isReady = await eventually { (try? command("PING").contains("+PONG")) ?? false }
        guard isReady else { throw NotReady(log: "\(folder)/redis.log") }
    }

    /// Ends the server: by default as an operator would, with everything saved that is to be saved.
    public func stop(_ signal: Int32 = SIGTERM) async {
        let child = process.withLock { process in
            defer { process = nil }
            return process
        }
        child?.signal(SIGCONT)
        await child?.end(signal)
    }

    /// SIGKILL: the server has no chance to save anything.
    public func kill() async { await stop(SIGKILL) }

    /// SIGSTOP: connections stay open and nothing is answered.
    public func freeze() { process.withLock { $0 }?.signal(SIGSTOP) }
    public func thaw() { process.withLock { $0 }?.signal(SIGCONT) }

    /// Sends one command over a connection of its own; returns the reply as it came (RESP2).
    @discardableResult
    public func command(_ arguments: String...) throws -> String { try command(arguments) }

    @discardableResult
    public func command(_ arguments: [String]) throws -> String {
        let login = options.password.map { [["AUTH", $0]] } ?? []
        let descriptor = try connectToLoopback(port: port, timeoutSeconds: 5)
        defer { close(descriptor) }
        try write((login + [arguments, ["QUIT"]]).map(Self.encode).joined(), to: descriptor)
        var reply = try readToEnd(descriptor)
        // QUIT's own answer, and AUTH's.
        if reply.hasSuffix("+OK\r\n") { reply.removeLast("+OK\n".count) }
        if !login.isEmpty, reply.hasPrefix("+OK\r\n") { reply.removeFirst("+OK\n".count) }
        return reply
    }

    private static func encode(_ arguments: [String]) -> String {
        "*\(arguments.count)\r\n" + arguments.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
    }

    private func write(_ text: String, to descriptor: Int32) throws {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw SystemCallFailed(call: "send", code: errno) }
            rest = rest.dropFirst(count)
        }
    }

    private func readToEnd(_ descriptor: Int32) throws -> String {
        var reply: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(descriptor, &piece, piece.count, 0)
            guard count >= 0 else { throw SystemCallFailed(call: "recv", code: errno) }
            if count == 0 { return String(decoding: reply, as: UTF8.self) }
            reply += piece[..<count]
        }
    }
}

/// Runs `body` with a `redis-server` of its own, which is ended afterwards whatever happened.
public func withRedis<Value>(
    _ options: PrivateRedis.Options = .init(), isolation: isolated (any Actor)? = #isolation,
    _ body: (PrivateRedis) async throws -> Value
) async throws -> Value {
    try await withTemporaryFolder { folder in
        let redis = try PrivateRedis(options, folder: folder)
        return try await withEnd({ await redis.kill() }) {
            try await redis.start()
            return try await body(redis)
        }
    }
}
