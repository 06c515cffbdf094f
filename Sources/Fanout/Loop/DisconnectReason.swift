internal import SocketLoop

/// Why a viewer's connection ended. The code stands in the metric, in the report and in the log.
public enum DisconnectReason: String, CaseIterable, Sendable {
    /// The viewer closed, or its half of the connection ended.
    case clientClosed = "client_closed"
    /// The connection was reset, or nobody acknowledged what was sent.
    case reset
    /// More waited for the viewer than `READER_BACKLOG_BYTES`.
    case slowConsumer = "slow_consumer"
    /// The viewer sent something after its request.
    case unexpectedData = "unexpected_data"
    /// The Reader drains, and has sent `event: reconnect`.
    case drained
    /// The viewer's token has expired, or was revoked; `event: reconnect` said which.
    case tokenEnded = "token_ended"
    /// The Reader stopped.
    case shutdown
    /// The viewer's history could not be read, or too much came while it was read.
    case recoveryFailed = "resume_failed"
    /// The loop's table of sockets was full, or the kernel refused the descriptor.
    case refused
    /// A Socket.IO client did not answer a ping.
    case pingTimeout = "ping_timeout"
    /// A Socket.IO client, or its WebSocket, broke the protocol.
    case protocolError = "protocol_error"
    /// A Socket.IO client sent events faster than they were served.
    case tooManyEvents = "too_many_events"
    /// A Socket.IO client joined no namespace in time.
    case connectTimeout = "connect_timeout"
    /// Any other error of the socket.
    case failed

    init(_ reason: CloseReason) {
        switch reason {
        case .peerClosed: self = .clientClosed
        case .reset: self = .reset
        case .slowConsumer: self = .slowConsumer
        case .connectFailed, .failed: self = .failed
        }
    }
}
