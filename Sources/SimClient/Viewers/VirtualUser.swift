internal import SocketLoop

/// One viewer of a crowd. A swarm holds 18,000 in an array: what is not needed for each stands elsewhere.
struct VirtualUser: Sendable {
    /// The number in the audience.
    let viewer: Int32
    /// Index into the crowd's channels.
    let channel: Int32
    /// Never reads once it is connected.
    let isSlow: Bool
    var server: Int32
    /// Where a redirect led, for the one request that follows it.
    var target: String?
    var machine = ViewerMachine()
    var stream = ViewerStream()
    var socket: SocketHandle?
    /// When its connection began, or brought its last bytes: seconds since the loop's start.
    var heardAt: UInt32 = 0
}

/// A channel that the crowd watches.
struct CrowdChannel: Sendable {
    /// The number in the audience.
    let number: Int
    /// Its viewers, as indices of members.
    let members: Range<Int>
    var log: ChannelLog
    /// The audit's name for each epoch of the log.
    var epochs: [AuditEpoch] = []
    var isDirty = false
}
