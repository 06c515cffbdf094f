public import Wire

/// The way of a message in time. Both by the monotonic clock of this machine, in nanoseconds.
public struct MessageTimes: Hashable, Sendable {
    public let received: UInt64
    /// Computed from the comment's timestamp and the two wall clocks.
    public let published: UInt64

    public init(received: UInt64, published: UInt64) {
        self.received = received
        self.published = published
    }
}

/// One event as a Reader gets it: the complete frame for the viewers, its channel and its position.
public struct BrokerMessage: Hashable, Sendable {
    public let channel: Channel
    /// `nil` for state events: only the newest counts, and they may be merged. Log events are ordered and replayable.
    public let position: Position?
    /// The complete server-sent event, ready to be written to a viewer; ends with an empty line.
    public let frame: [UInt8]
    /// When it came here, and when its comment was made; `nil` where nobody measures.
    public var times: MessageTimes?

    public init(channel: Channel, position: Position?, frame: [UInt8]) {
        self.channel = channel
        self.position = position
        self.frame = frame
    }

    /// Reads the first line of a frame; `nil` when the bytes are no frame that this project writes.
    ///
    /// Redis is inside the trust boundary, but other programs may publish to it: a frame without its closing empty
    /// line would run into the next one on every viewer's stream, so it goes no further than here.
    public init?(channel: Channel, frame: [UInt8]) {
        guard let position = FrameHead.read(frame) else { return nil }
        switch position {
        case .log(let position): self.init(channel: channel, position: position, frame: frame)
        case .state: self.init(channel: channel, position: nil, frame: frame)
        }
    }
}
