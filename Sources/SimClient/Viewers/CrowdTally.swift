/// What happened to the viewers of a crowd, apart from the audit of their comments.
struct CrowdTally: Equatable, Sendable {
    /// Viewers that are connected now.
    var watching = 0
    /// Viewers that were connected at least once.
    var connectedOnce = 0
    /// Viewers that gave up.
    var failed = 0
    /// Connections that were started.
    var attempts = 0
    /// Events `connected`, of all connections.
    var connects = 0
    /// The most connections that were under way at one time.
    var connectingMost = 0
    var redirects = 0
    /// Answers 503.
    var refusals = 0
    /// Answers other than 200, 307 and 503.
    var rejections = 0
    /// Connections that ended while the viewer watched.
    var disconnects = 0
    /// Connections that brought nothing, or no `connected` event, in time.
    var silences = 0
    /// Streams that broke the rules of HTTP or of event streams.
    var malformed = 0
    /// Comments whose bytes differed from what another viewer got for the same offset.
    var altered = 0
    var heartbeats = 0
    var stateEvents = 0
    /// Messages without a readable position.
    var foreign = 0
    var bytesReceived = 0
}
