import NIOCore
import NIOPosix

extension ClientBootstrap {
    /// The options every connection to Redis has.
    static func redis(_ group: any EventLoopGroup, timeout: TimeAmount) -> ClientBootstrap {
        ClientBootstrap(group: group)
            .connectTimeout(timeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            // More reads in one turn make larger batches of replies and messages: 16 x 64 KiB at most.
            .channelOption(.maxMessagesPerRead, value: 16)
    }
}
