/// One published message as a subscriber gets it.
public struct RedisMessage: Hashable, Sendable {
    public let channel: String
    public let payload: [UInt8]

    public init(channel: String, payload: [UInt8]) {
        self.channel = channel
        self.payload = payload
    }
}

/// Why a subscriber's connection ended: one code for logs, metrics and the sink.
public enum RedisLoss: String, Sendable, CaseIterable {
    /// The server closed it: restart, `CLIENT KILL`, output buffer limit.
    case closed
    /// The socket failed.
    case failed
    /// No answer to PING in time.
    case silent
    /// No answer to the login in time.
    case loginTimeout = "login_timeout"
    /// The login or a subscription was refused.
    case refused
    /// The bytes were not RESP2.
    case protocolViolation = "protocol_violation"
    /// ``RedisSubscriber/dropConnection(_:)`` by a probe that did not come back.
    case probeMissing = "probe_missing"
    /// The endpoint leads to another master now, and the server of this connection was left: what was published while it
    /// began to follow the new one is missing.
    case demoted
    /// ``RedisSubscriber/dropConnection(_:)`` by a test or drill.
    case dropped
    /// No end of a connection: another node has the channels now.
    case moved
    /// The subscriber's `run` was cancelled.
    case shutDown = "shut_down"
}

/// Subscriptions on Redis, on whichever servers it is made of, kept alive while ``run(_:)`` runs.
public protocol RedisSubscriptions: Sendable {
    /// Wants the channels; returns at once. `false`: the table is full, and none of them was taken.
    @discardableResult
    func subscribe(_ channels: [String]) -> Bool
    /// Wants the channels no longer; returns at once.
    func unsubscribe(_ channels: [String])
    /// Ends the connection that a channel comes over; another one is made. For probes, tests and drills.
    func dropConnection(of channel: String, _ reason: RedisLoss)
    /// Keeps the connections, and hands everything that comes to `sink`; returns when the task is cancelled, with the
    /// connections closed. Call it once.
    func run(_ sink: any RedisSubscriptionSink) async throws
}

/// Takes what ``RedisSubscriptions`` receive. Calls come in order on one event loop; do not block.
public protocol RedisSubscriptionSink: AnyObject, Sendable {
    /// Connected and logged in, to one server at least; nothing is subscribed yet.
    func connectionEstablished()
    /// Redis has acknowledged these channels. A channel that is subscribed already is named again when asked again, and when
    /// it has another server.
    func subscribed(_ channels: [String])
    /// Everything that came with one read, in order.
    func received(_ messages: [RedisMessage])
    /// Of these channels, messages may be missing from here on, until `subscribed` names them again.
    ///
    /// - Parameter isConnected: whether a connection to any server stands.
    func lost(_ channels: [String], _ reason: RedisLoss, isConnected: Bool)
}

/// Takes what one connection of several receives.
protocol RedisLinkSink: RedisSubscriptionSink {
    /// The node does not subscribe these, which may be another's.
    func refused(_ channels: [String], _ error: RedisError)
    /// The node has ended these subscriptions, or it is not known whether they stand.
    func dropped(_ channels: [String])
}
