import NIOCore
import NIOPosix
import NIOSSL
import Primitives

extension ClientBootstrap {
    /// The options every connection to Redis has.
    static func redis(_ group: any EventLoopGroup, timeout: Duration) -> ClientBootstrap {
        ClientBootstrap(group: group)
            .connectTimeout(TimeAmount(timeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            // More reads in one turn make larger batches of replies and messages: 16 x 64 KiB at most.
            .channelOption(.maxMessagesPerRead, value: 16)
    }

    /// Connects, encrypted if the endpoint says so. What is sent before the handshake is over waits for it.
    ///
    /// - Parameter initialize: adds the handlers, on the channel's loop.
    func connect<Value: Sendable>(
        to endpoint: RedisEndpoint, _ initialize: @escaping @Sendable (any Channel) throws -> Value
    ) async throws -> Value {
        let context = try endpoint.tls?.makeContext()
        return try await connect(host: endpoint.host, port: endpoint.port) { channel in
            channel.eventLoop.makeCompletedFuture {
                if let context {
                    let handler = try NIOSSLClientHandler(context: context, serverHostname: endpoint.serverName)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
                return try initialize(channel)
            }
        }
    }
}

/// One of the commands that begin every connection.
struct LoginStep {
    let command: RedisCommand
    /// What to say when the user may not do it, or Redis does not know it, and the connection is used without it; `nil`: it
    /// is needed.
    var ifRefused: String?

    /// Whether the connection can be used although the command was answered so.
    func forgives(_ error: RedisError) -> Bool {
        guard ifRefused != nil else { return false }
        return error.code == .reply("NOPERM")
            || error.code == .reply("ERR") && error.message.hasPrefix("unknown command")
    }
}

extension RedisEndpoint {
    /// The commands that begin every connection, the last one of which a Redis that is loading its data refuses.
    ///
    /// - Parameter name: what `CLIENT LIST` shows; empty for none.
    func login(name: String) -> [LoginStep] {
        var steps: [LoginStep] = []
        if let password { steps.append(.init(command: RedisCommand("AUTH", [user, password].compactMap { $0 }))) }
        if database != 0 { steps.append(.init(command: RedisCommand("SELECT", String(database)))) }
        if !name.isEmpty {
            steps.append(
                .init(
                    command: RedisCommand("CLIENT", "SETNAME", name),
                    ifRefused: "Redis refuses CLIENT SETNAME: its list of clients does not name this connection"))
        }
        return steps + [.init(command: RedisCommand("PING"))]
    }
}

/// Connects again and again until the task is cancelled, after a pause each time. A connection that stood for a second
/// lets the next pause be the shortest again.
///
/// - Parameter connect: connects, and returns when the connection has ended; throws when there is no use in another try.
func keepConnected<Failure: Error>(
    _ backoff: Backoff, _ connect: () async throws(Failure) -> Void
) async throws(Failure) {
    var backoff = backoff
    while !Task.isCancelled {
        let start = ContinuousClock.now
        try await connect()
        if ContinuousClock.now - start >= .seconds(1) { backoff.reset() }
        // Cancelled while sleeping: the loop's condition ends it.
        try? await Task.sleep(for: backoff.next())
    }
}
