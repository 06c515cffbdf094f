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
    /// Whether a server that takes no writes is of no use. Then a write that changes nothing is tried at login and once in
    /// ``writeCheckInterval``, so that a master that became a replica is noticed also when nobody writes.
    public var needsWrites = false
    /// Time from one such write to the next.
    public var writeCheckInterval: Duration = .seconds(1)

    public init() {}
}

/// One connection with pipelined commands. Made by ``RedisClient``; once it has ended it stays ended.
///
/// Tasks encode their commands into one shared buffer. The first command of a turn wakes the event loop, and the
/// ``Handler`` there writes the whole buffer with one write and one flush.
public final class RedisConnection: Sendable {
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
        /// Set when the connection ends, or is given up: every further command is refused.
        var failure: RedisError?
        /// What was refused at login and is done without, in sentences.
        var notices: [String] = []
        /// Which server process this is, if it says so.
        var serverID: String?
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

    /// What was refused at login and is done without, in sentences.
    var notices: [String] { state.withLock { $0.notices } }

    /// Which server process this is (`run_id`); `nil` when Redis refuses to say so.
    var serverID: String? { state.withLock { $0.serverID } }

    /// Why no further command is taken; `nil` while the connection may be used.
    var failure: RedisError? { state.withLock { $0.failure } }

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
            if let failure = state.failure { throw failure.withNothingSent }
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

    /// Refuses everything from now on. What was sent before is still answered.
    func giveUp(_ failure: RedisError) {
        state.withLock { if $0.failure == nil { $0.failure = failure } }
    }

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
    /// A write that changes nothing: an empty string put into a value that does not exist. Redis refuses it for each
    /// reason for which it refuses writes: a replica, a full memory or disk, too few replicas.
    static let writeProbe = RedisCommand("SETRANGE", "probe:write", "0", "")

    /// Connects and logs in: AUTH, SELECT, CLIENT SETNAME, then PING, which a Redis that is loading its data refuses.
    ///
    /// - Throws: `unsupported` for a server of another kind than the endpoint says; `READONLY` for a replica when the settings
    ///   need writes, or when Sentinels say that it is a master.
    static func connect(
        to endpoint: RedisEndpoint, settings: RedisConnectionSettings, group: any EventLoopGroup, metrics: RedisMetrics
    ) async throws(RedisError) -> RedisConnection {
        let connection: RedisConnection
        do {
            connection = try await ClientBootstrap.redis(group, timeout: settings.connectTimeout)
                .connect(to: endpoint) { channel in
                    let connection = RedisConnection(channel: channel, settings: settings, metrics: metrics)
                    let handler = try Handler(
                        connection: connection, isClusterNode: endpoint.deployment == .node, metrics: metrics)
                    try channel.pipeline.syncOperations.addHandler(handler)
                    return connection
                }
        } catch {
            throw RedisError(.notConnected, "cannot connect to \(endpoint): \(RedisError.reason(error))")
        }
        do throws(RedisError) {
            try await connection.logIn(endpoint.login(name: settings.name), as: endpoint.deployment)
            return connection
        } catch {
            connection.close()
            throw error
        }
    }

    private func logIn(_ login: [LoginStep], as deployment: RedisEndpoint.Deployment) async throws(RedisError) {
        let info = LoginStep(
            command: RedisCommand("INFO", "server"),
            ifRefused: "Redis refuses INFO: a restart or failover is known by this process's own acknowledgements only")
        let steps = login + [info]
        let replies = try await send(contentsOf: steps.map(\.command), timeout: settings.connectTimeout)
        for (step, reply) in zip(steps, replies) {
            guard case .failure(let error) = reply, error.verdict != .refusesWrites else { continue }
            guard step.forgives(error), let notice = step.ifRefused else { throw error }
            state.withLock { $0.notices.append(notice) }
        }
        let server = RedisInfo(replies.last?.text ?? "")
        state.withLock { $0.serverID = server["run_id"] }
        let mode = server["redis_mode"]
        switch deployment {
        case .server:
            if let kind = mode.flatMap({ ["cluster": "Redis Cluster", "sentinel": "Sentinel"][$0] }) {
                throw .unsupported(kind)
            }
        // The key of a write that changes nothing would be another node's: what takes writes is what the cluster calls a master.
        case .node, .cluster: return
        case .sentinel:
            // Sentinels may know of a failover later than the server does, and the other way round.
            let role = try await send(contentsOf: [RedisCommand("ROLE")], timeout: settings.connectTimeout).first
            if let role = role?.array?.first?.text, role != "master" {
                throw RedisError(.reply("READONLY"), "the server that Sentinel calls master says that it is a \(role)")
            }
        }
        if settings.needsWrites { try await checkWrites() }
    }

    /// Tries a write.
    ///
    /// - Returns: why the right server refuses writes at present; `nil` when it takes them, or does not let this user try.
    /// - Throws: when the server is not the right one, or does not answer.
    @discardableResult
    func checkWrites() async throws(RedisError) -> RedisError? {
        let reply = try await send(contentsOf: [Self.writeProbe], timeout: settings.commandTimeout).first
        guard let refusal = reply?.failure else { return nil }
        switch refusal.verdict {
        case .leave, .cluster: throw refusal
        case .refusesWrites: return refusal
        case nil: return nil
        }
    }
}
