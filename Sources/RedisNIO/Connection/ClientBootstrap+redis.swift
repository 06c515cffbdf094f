import NIOCore
import NIOPosix
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
}

extension RedisEndpoint {
    /// The commands that begin every connection; each answers `OK`.
    ///
    /// - Parameter name: what `CLIENT LIST` shows; empty for none.
    func login(name: String) -> [RedisCommand] {
        var commands: [RedisCommand] = []
        if let password { commands.append(RedisCommand("AUTH", [user, password].compactMap { $0 })) }
        if database != 0 { commands.append(RedisCommand("SELECT", String(database))) }
        if !name.isEmpty { commands.append(RedisCommand("CLIENT", "SETNAME", name)) }
        return commands
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
