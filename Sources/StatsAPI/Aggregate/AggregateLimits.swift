/// The bounds of the aggregate's tables: their content comes from other processes.
struct AggregateLimits: Equatable, Sendable {
    /// A process that sends no report for this long is gone.
    var silence = Duration.seconds(15)
    /// Channel names: subscribed, watched or published to.
    var channelsMax = 1_000_000
    var readersMax = 1000
    var commentAPIsMax = 1000
    var likeAPIsMax = 1000
    var clientsMax = 100_000
    /// Processes that are gone whose totals are kept separately, in case they come back.
    var finishedMax = 10_000
    /// Entries of a table by reason or code.
    var codesMax = 64
    /// Videos of a CommentAPI that reports totals.
    var videosMax = 10_000
    /// Length of what a report says as text: names of processes, URLs; in UTF-8 bytes.
    var nameLengthMax = 256
}

/// What was refused, since the start.
struct AggregateRefusals: Equatable, Sendable {
    /// Channels beyond the limit, or with an invalid name.
    var channels = 0
    /// Reports of processes beyond the limit.
    var reports = 0
    /// Reports of Readers that did not continue the last one.
    var resyncs = 0
}
