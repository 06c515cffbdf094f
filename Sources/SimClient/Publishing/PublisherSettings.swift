/// How comments and reports are sent.
struct PublisherSettings: Sendable {
    /// The CommentAPIs, which take turns.
    var services: ServerDirectory
    /// Requests at the same time, one a connection; an arrival that finds all of them busy is dropped.
    var connections: Int
    var shard: Int
    /// Bytes of a simulated text.
    var commentBytes: Int
    /// An answer that takes longer counts as unknown, and its connection is closed.
    var answerSeconds = 10
    /// Keeps the number of each comment that was acknowledged or stored.
    var remembers = false
    var streamProtocol = StreamProtocol.chorus
    /// Writes as fast as viewers get it, instead of what is handed over.
    var closedLoop: ClosedLoop?
    /// Where the client's own reports go.
    var statistics: ServerDirectory?
}
