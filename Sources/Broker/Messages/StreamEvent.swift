public import Wire

/// One log event on its way into a channel.
public struct StreamEvent: Hashable, Sendable {
    public let channel: Channel
    /// The frame without its id line; see ``Broker/publish(_:to:)``.
    public let payload: [UInt8]

    public init(channel: Channel, payload: [UInt8]) {
        self.channel = channel
        self.payload = payload
    }
}

/// One log event and the place that it has in its channel.
public struct PlacedEvent: Hashable, Sendable {
    public let position: Position
    /// The frame without its id line.
    public let payload: [UInt8]

    public init(position: Position, payload: [UInt8]) {
        self.position = position
        self.payload = payload
    }
}

/// Tells one event of a channel from all others by how its payload begins and ends. The payload stays opaque: whoever
/// makes it knows where in it the id stands.
///
/// Finding an event by its key walks over the channel's history. Ids beside the payloads would cost every publish.
public struct EventKey: Hashable, Sendable {
    public let prefix: [UInt8]
    public let suffix: [UInt8]

    /// At least one of the two must be unique to the event; the other may be empty.
    public init(prefix: some Sequence<UInt8> = [], suffix: some Sequence<UInt8> = []) {
        self.prefix = Array(prefix)
        self.suffix = Array(suffix)
    }

    package func matches(_ payload: some BidirectionalCollection<UInt8>) -> Bool {
        payload.starts(with: prefix) && payload.reversed().starts(with: suffix.reversed())
    }
}
