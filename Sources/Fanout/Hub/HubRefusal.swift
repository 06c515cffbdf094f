/// Why a connect was refused. Each is counted under its code, and answered `503` with `Retry-After`.
public enum HubRefusal: String, Error, CaseIterable, Sendable {
    /// Redis is away, or did not acknowledge the subscription in time.
    case brokerUnavailable = "broker_unavailable"
    /// The Reader has as many connections as it may.
    case tooManyConnections = "too_many_connections"
    /// The Reader has as many channels as it may.
    case tooManyChannels = "too_many_channels"
    /// The Reader drains or stops.
    case draining
}
