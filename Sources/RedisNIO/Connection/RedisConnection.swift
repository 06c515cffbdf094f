import CoreMetrics
import NIOCore
import NIOPosix
import Primitives

/// How connections are made and watched.
public struct RedisConnectionSettings: Sendable {
    /// For everything from the first packet to the last reply of the login.
    public var connectTimeout: Duration = .seconds(2)
    /// A connection whose oldest command waits longer is closed and replaced.
    public var commandTimeout: Duration = .seconds(2)
    /// The most commands of one connection that wait for a reply; more are refused with `overloaded`.
    public var inFlightMax = 16_384
    /// What `CLIENT LIST` shows; letters, digits, `-`, `_` and `:` only. Empty: no name.
    public var name = ""

    public init() {}
}

/// One connection with pipelined commands. Made by ``RedisClient``; once it has ended it stays ended.
///
/// Tasks encode their commands into one shared buffer. The first command of a turn wakes the event loop, and the
/// ``Handler`` there writes the whole buffer with one write and one flush.
public final class RedisConnection: Sendable {
    /// The process on the other side, as it introduced itself at login. It cannot change while the connection stands.
    public struct Server: Hashable, Sendable {
        /// 40 hexadecimal characters, new with each start of Redis (`INFO server`).
        public var runID = ""
        public var version = ""
    }

    typealias Continuation = CheckedContinuation<Result<[RESPValue], RedisError>, Never>

    /// Somebody who waits for the replies to one or more commands.
    struct Request {
        let continuation: Continuation
        let replies: Int
        let deadline: NIODeadline
    }

    private struct State {
        /// Commands that the event loop has not taken yet, in the form in which they go over the wire.
        var bytes = ByteBuffer()
        var requests: [Request] = []
        /// Commands without a reply so far, those in `bytes` included.
        var inFlight = 0
        /// Set at the end: every further command is refused.
        var failure: RedisError?
        var server = Server()
    }

    private let state = Mutex(State())
    private let channel: any Channel
    private let settings: RedisConnectionSettings
    private let metrics: RedisMetrics

    init(channel: any Channel, settings: RedisConnectionSettings, metrics: RedisMetrics) {
        self.channel = channel
        self.settings = settings
        self.metrics = metrics
    }

    public var server: Server { state.withLock { $0.server } }

    /// Commands without a reply so far.
    public var inFlight: Int { state.withLock { $0.inFlight } }

    /// Sends one command and waits for its reply. Returns `.null` and arrays as they are; an error reply is thrown.
    ///
    /// Cancelling the task does not end the wait: the command is on its way, and the command timeout bounds it.
    public func send(_ command: RedisCommand) async throws(RedisError) -> RESPValue {
        let values = try await send(contentsOf: [command])
        guard let value = values.first else { throw RedisError(.protocolViolation, "a reply without a value") }
        if case .failure(let error) = value { throw error }
        return value
    }

    /// Sends the commands next to each other and waits for all replies. Error replies are `.failure` elements.
    public func send(contentsOf commands: [RedisCommand]) async throws(RedisError) -> [RESPValue] {
        try await send(contentsOf: commands, timeout: settings.commandTimeout)
    }

    private func send(contentsOf commands: [RedisCommand], timeout: Duration) async throws(RedisError) -> [RESPValue] {
        guard !commands.isEmpty else { return [] }
        let deadline = NIODeadline.now() + TimeAmount(timeout)
        let result: Result<[RESPValue], RedisError> = await withCheckedContinuation { continuation in
            do throws(RedisError) {
                let request = Request(continuation: continuation, replies: commands.count, deadline: deadline)
                if try enqueue(commands, request) { channel.write(Handler.Wake(), promise: nil) }
            } catch {
                if error.code == .overloaded { metrics.refused.increment(by: commands.count) }
                continuation.resume(returning: .failure(error))
            }
        }
        return try result.get()
    }

    /// Whether these are the first commands of the turn, so that the event loop has to be woken.
    private func enqueue(_ commands: [RedisCommand], _ request: Request) throws(RedisError) -> Bool {
        try state.withLock { state throws(RedisError) in
            if let failure = state.failure { throw failure }
            guard state.inFlight + commands.count <= settings.inFlightMax else {
                throw RedisError(.overloaded, "\(settings.inFlightMax) commands are in flight")
            }
            state.inFlight += commands.count
            for command in commands { command.encode(into: &state.bytes) }
            state.requests.append(request)
            return state.requests.count == 1
        }
    }

    /// Ends the connection; whoever waits gets `closed`.
    func close() { channel.close(promise: nil) }

    func waitUntilClosed() async {
        // The future carries nothing but the end itself.
        _ = try? await channel.closeFuture.get()
    }
}

// MARK: The event loop's side

extension RedisConnection {
    /// What the event loop writes in one turn.
    func takeRequests() -> (bytes: ByteBuffer, requests: [Request]) {
        state.withLock { state in
            defer {
                state.bytes = ByteBuffer()
                state.requests = []
            }
            return (state.bytes, state.requests)
        }
    }

    func received(replies: Int) { state.withLock { $0.inFlight -= replies } }

    /// Refuses everything from now on; returns what the event loop has not taken yet.
    func end(_ failure: RedisError) -> [Request] {
        state.withLock { state in
            if state.failure == nil { state.failure = failure }
            defer { state.requests = [] }
            return state.requests
        }
    }
}

// MARK: Connecting

extension RedisConnection {
    /// Connects and logs in: AUTH, SELECT, CLIENT SETNAME, then PING, which a Redis that is loading its data refuses.
    static func connect(
        to endpoint: RedisEndpoint, settings: RedisConnectionSettings, group: any EventLoopGroup, metrics: RedisMetrics
    ) async throws(RedisError) -> RedisConnection {
        let connection: RedisConnection
        do {
            connection = try await ClientBootstrap.redis(group, timeout: settings.connectTimeout)
                .connect(host: endpoint.host, port: endpoint.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let connection = RedisConnection(channel: channel, settings: settings, metrics: metrics)
                        let handler = try Handler(connection: connection, metrics: metrics)
                        try channel.pipeline.syncOperations.addHandler(handler)
                        return connection
                    }
                }
        } catch {
            throw RedisError(.notConnected, "cannot connect to \(endpoint): \(error)")
        }
        do throws(RedisError) {
            try await connection.logIn(endpoint.login(name: settings.name))
            return connection
        } catch {
            connection.close()
            throw error
        }
    }

    private func logIn(_ login: [RedisCommand]) async throws(RedisError) {
        let commands = login + [RedisCommand("PING"), RedisCommand("INFO", "server")]
        let replies = try await send(contentsOf: commands, timeout: settings.connectTimeout)
        for reply in replies {
            if case .failure(let error) = reply, !error.refusesOnlyWrites { throw error }
        }
        let fields = RedisInfo(replies.last?.text ?? "")
        guard let runID = fields["run_id"], !runID.isEmpty else {
            throw RedisError(.protocolViolation, "INFO names no run id")
        }
        state.withLock { $0.server = Server(runID: runID, version: fields["redis_version"] ?? "") }
    }
}
