internal import Primitives
public import SocketIO
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
    /// The longest time that a viewer is told to wait before it comes back.
    public var retryMax = Duration.seconds(2)
    /// A connect waits for Redis at most so long.
    public var subscribeTimeout = Duration.seconds(5)
    /// Times and bounds of sessions of Socket.IO. What may wait for one that polls is ``backlogBytes``.
    public var sessions = EngineIOSession.Settings()
    /// A client of Socket.IO has to join a namespace within so long.
    public var sessionConnectTimeout = Duration.seconds(45)
    /// How a loop takes over a viewer's descriptor. A tool may bring viewers of another kind: writes to a handle that
    /// names no socket are counted, and go nowhere.
    package var adopt: @Sendable (_ descriptor: Int32, _ tag: UInt32, _ sockets: Sockets) -> SocketHandle? = {
        $2.adopt(descriptor: $0, tag: $1)
    }

    /// Called on a loop's thread for each write of a pass: for tools that look at when a viewer has its turn.
    package var wrote: (@Sendable (_ chunk: [UInt8], _ events: Int) -> Void)?

    public init(loops: Int) { self.loops = loops }

    var retryMillisecondsMax: Int { max(Int(retryMax.milliseconds), 1) }

    /// What a viewer is told to wait; see ``RetryTime``.
    public func retryMilliseconds() -> Int {
        RetryTime.milliseconds(max: retryMillisecondsMax, draw: .random(in: 0 ... .max))
    }
}

/// What `retry:` says: half of the longest time, and a random part of the other half. Viewers who are sent away together do
/// not come back together, and nobody comes back without a pause.
enum RetryTime {
    /// - Parameters:
    ///   - max: 1 or more.
    ///   - draw: any number, evenly distributed.
    static func milliseconds(max: Int, draw: UInt64) -> Int {
        let least = (max + 1) / 2
        return least + Int(draw % UInt64(max - least + 1))
    }
}
