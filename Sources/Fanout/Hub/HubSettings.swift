/// How a Reader fans out. Every number is a limit or a time; `docs/CONFIGURATION.md` has the keys they come from.
public struct HubSettings: Sendable {
    /// Threads with an epoll set each.
    public var loops: Int
    /// Connections at the same time, all loops together.
    public var connectionsMax: Int
    /// Channels at the same time.
    public var channelsMax: Int
    /// Bytes that may wait for one viewer.
    public var backlogBytes: Int
    /// `SO_SNDBUF` of a viewer's socket.
    public var sendBufferBytes: Int
    /// Bytes of frames that may wait for one loop.
    public var loopBytesMax: Int
    public var flushInterval: Duration
    public var heartbeatInterval: Duration
    /// A channel that nobody watches any more stays subscribed for so long.
    public var unsubscribeDelay: Duration
    /// A connect waits for Redis at most so long.
    public var subscribeTimeout: Duration
    /// State channels that one viewer may follow.
    public var stateChannelsMax: Int
    /// Writes in one slice of a lap.
    public var writesPerSlice: Int

    /// Bytes of what a viewer missed that are written at once: whoever takes them has room for live events too.
    var pieceBytes: Int { max(1, min(backlogBytes / 2, 32 << 10)) }

    public init(
        loops: Int, connectionsMax: Int = 18_000, channelsMax: Int = 200_000, backlogBytes: Int = 256 << 10,
        sendBufferBytes: Int = 64 << 10, loopBytesMax: Int = 64 << 20, flushInterval: Duration = .zero,
        heartbeatInterval: Duration = .seconds(25), unsubscribeDelay: Duration = .seconds(2),
        subscribeTimeout: Duration = .seconds(5), stateChannelsMax: Int = 64, writesPerSlice: Int = 128
    ) {
        self.loops = loops
        self.connectionsMax = connectionsMax
        self.channelsMax = channelsMax
        self.backlogBytes = backlogBytes
        self.sendBufferBytes = sendBufferBytes
        self.loopBytesMax = loopBytesMax
        self.flushInterval = flushInterval
        self.heartbeatInterval = heartbeatInterval
        self.unsubscribeDelay = unsubscribeDelay
        self.subscribeTimeout = subscribeTimeout
        self.stateChannelsMax = stateChannelsMax
        self.writesPerSlice = writesPerSlice
    }
}

extension Duration {
    /// Whole nanoseconds, cut at zero.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        return seconds < 0 ? 0 : UInt64(seconds) * 1_000_000_000 + UInt64(max(attoseconds, 0) / 1_000_000_000)
    }
}
