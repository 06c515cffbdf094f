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

/// What became of an event that is published once by its name.
public enum NamedPublication: Hashable, Sendable {
    case published(Position)
    /// The history holds one of the names already: its event, and nothing was published.
    case found(PlacedEvent)
}
