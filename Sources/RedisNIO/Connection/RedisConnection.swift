import CoreMetrics
import NIOCore
import NIOPosix

/// One connection with pipelined commands. Made by ``RedisClient``; when it has ended it stays ended.
public final class RedisConnection: Sendable {
    /// The process on the other side, as it introduced itself at login. It cannot change while the connection stands.
    public struct Server: Hashable, Sendable {
        /// 40 hexadecimal characters, new with each start of Redis (`INFO server`).
        public let runID: String
        public let version: String
    }

    public let server: Server
    private let channel: any Channel
    private let mailbox: CommandMailbox
    private let commandTimeout: TimeAmount
    private let metrics: RedisMetrics

    private init(
        server: Server, channel: any Channel, mailbox: CommandMailbox, timeout: TimeAmount, metrics: RedisMetrics
    ) {
        self.server = server
        self.channel = channel
        self.mailbox = mailbox
        self.commandTimeout = timeout
        self.metrics = metrics
    }

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
        try await send(contentsOf: commands, timeout: commandTimeout)
    }

    private func send(contentsOf commands: [RedisCommand], timeout: TimeAmount) async throws(RedisError) -> [RESPValue]
    {
        guard !commands.isEmpty else { return [] }
        let result: Result<[RESPValue], RedisError> = await withCheckedContinuation { continuation in
            let deadline = NIODeadline.now() + timeout
            switch mailbox.post(commands, deadline: deadline, continuation: continuation) {
            case .first: channel.write(CommandHandler.Wake(), promise: nil)
            case .joined: break
            case .refused(let error):
                if error.code == .overloaded { metrics.refused.increment(by: commands.count) }
                continuation.resume(returning: .failure(error))
            }
        }
        return try result.get()
    }

    /// Commands without a reply so far.
    public var inFlight: Int { mailbox.inFlight }

    var isActive: Bool { channel.isActive }

    /// Ends the connection; whoever waits gets `closed`.
    func close() {
        channel.close(promise: nil)
    }

    func waitUntilClosed() async {
        // The future carries no news besides the end itself.
        _ = try? await channel.closeFuture.get()
    }
}

// MARK: Connecting

extension RedisConnection {
    /// Connects and logs in: AUTH, SELECT, CLIENT SETNAME, then PING, which a Redis that is loading its data refuses.
    static func connect(
        to endpoint: RedisEndpoint, settings: RedisConnectionSettings, group: any EventLoopGroup, metrics: RedisMetrics
    ) async throws(RedisError) -> RedisConnection {
        let timeout = TimeAmount(settings.connectTimeout)
        let mailbox = CommandMailbox(limit: settings.inFlightMax)
        let channel: any Channel
        do {
            channel = try await ClientBootstrap.redis(group, timeout: timeout)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let handler = try CommandHandler(mailbox: mailbox, metrics: metrics)
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                }
                .connect(host: endpoint.host, port: endpoint.port).get()
        } catch {
            throw RedisError(.notConnected, "cannot connect to \(endpoint): \(error)")
        }
        let probe = RedisConnection(
            server: Server(runID: "", version: ""), channel: channel, mailbox: mailbox, timeout: timeout,
            metrics: metrics)
        do throws(RedisError) {
            let server = try await probe.logIn(Login(endpoint: endpoint, name: settings.name))
            return RedisConnection(
                server: server, channel: channel, mailbox: mailbox, timeout: TimeAmount(settings.commandTimeout),
                metrics: metrics)
        } catch {
            channel.close(promise: nil)
            throw error
        }
    }

    private func logIn(_ login: Login) async throws(RedisError) -> Server {
        let commands = login.commands + [RedisCommand("PING"), RedisCommand("INFO", "server")]
        let replies = try await send(contentsOf: commands)
        for reply in replies {
            if case .failure(let error) = reply { throw error }
        }
        let fields = RedisInfo(replies.last?.text ?? "")
        guard let runID = fields["run_id"], !runID.isEmpty else {
            throw RedisError(.protocolViolation, "INFO names no run id")
        }
        return Server(runID: runID, version: fields["redis_version"] ?? "")
    }
}
