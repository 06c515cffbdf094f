/// Where viewers stood when they left an epoch: what was acknowledged beyond that is known at the end only.
///
/// Empty as long as no history is lost. Bounded: later departures are not remembered, and counted.
struct EpochDepartures {
    struct Departure: Equatable {
        var channel: Int
        var epoch: UInt16
        /// The highest offset of that epoch that it had got or been told.
        var last: UInt64
        /// The first offset that the gap named, above `last`; `nil` when nothing was said.
        var toldFrom: UInt64?
    }

    static let departuresMax = 1_000_000

    private(set) var all: [Departure] = []
    private(set) var refused = 0

    mutating func add(_ departure: Departure) {
        if all.count < EpochDepartures.departuresMax { all.append(departure) } else { refused += 1 }
    }
}
