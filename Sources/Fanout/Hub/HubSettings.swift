package import SocketLoop

/// How a Reader fans out. Every number is a limit or a time; `docs/CONFIGURATION.md` has the keys they come from.
public struct HubSettings: Sendable {
    /// Threads with an epoll set each.
    public var loops: Int
    /// Connections at the same time, all loops together.
    public var connectionsMax = 18_000
    /// Channels at the same time.
    public var channelsMax = 200_000
    /// Bytes that may wait for one viewer.
    public var backlogBytes = 256 << 10
    /// `SO_SNDBUF` of a viewer's socket.
    public var sendBufferBytes = 64 << 10
    /// Bytes of frames that may wait for one loop.
    public var loopBytesMax = 64 << 20
    public var flushInterval = Duration.zero
    public var heartbeatInterval = Duration.seconds(25)
    /// A channel without viewers stays subscribed for so long.
    public var unsubscribeDelay = Duration.seconds(2)
    /// A connect waits for Redis at most so long.
    public var subscribeTimeout = Duration.seconds(5)
    /// How a loop takes over a viewer's descriptor. A tool may bring viewers of another kind: writes to a handle that
    /// names no socket are counted, and go nowhere.
    package var adopt: @Sendable (_ descriptor: Int32, _ tag: UInt32, _ sockets: Sockets) -> SocketHandle? = {
        $2.adopt(descriptor: $0, tag: $1)
    }

    public init(loops: Int) { self.loops = loops }
}
