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
    /// ``RedisSubscriber/dropConnection(_:)`` by a test or drill.
    case dropped
    /// The subscriber's `run` was cancelled.
    case shutDown = "shut_down"
}

/// Takes what a ``RedisSubscriber`` receives. Calls come in order on the subscriber's event loop; do not block.
public protocol RedisSubscriptionSink: AnyObject, Sendable {
    /// Connected and logged in; nothing is subscribed yet.
    func connectionEstablished()
    /// Redis has acknowledged these channels. A channel that is subscribed already is named again when asked again.
    func subscribed(_ channels: [String])
    /// Everything that came with one read, in order.
    func received(_ messages: [RedisMessage])
    func connectionLost(_ reason: RedisLoss)
}
