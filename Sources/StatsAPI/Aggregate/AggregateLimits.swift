/// What the aggregation holds at most. Everything comes from other processes, and none of them is trusted to stop.
struct AggregateLimits: Equatable, Sendable {
    /// A process that says nothing for this long is gone.
    var silence = Duration.seconds(15)
    /// Channel names that are remembered: subscribed, watched or published to.
    var channelsMax = 1_000_000
    var readersMax = 1000
    var commentAPIsMax = 1000
    var clientsMax = 100_000
    /// Finished processes whose totals are kept apart, in case they come back.
    var finishedMax = 10_000
    /// Entries of a table by reason or code.
    var codesMax = 64
    /// Length of the name of a process, in UTF-8 bytes.
    var nameLengthMax = 256
}

/// What was refused, since the start.
struct AggregateRefusals: Equatable, Sendable {
    /// Channels that did not fit, or whose names are none.
    var channels = 0
    /// Reports of processes that did not fit, or whose names are too long.
    var reports = 0
    /// Reports of Readers that did not continue what is held.
    var resyncs = 0
}
