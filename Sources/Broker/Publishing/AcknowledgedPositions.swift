import Wire

/// The highest position this process has been acknowledged, per channel, for as many channels as fit. Pure.
///
/// It is evidence of a loss after a restart, not needed for safety, so the oldest half may be forgotten: entries live
/// in two generations, and a full one replaces the other.
struct AcknowledgedPositions {
    private let limit: Int
    private var young: [Channel: Position] = [:]
    private var old: [Channel: Position] = [:]

    /// - Parameter limit: the most channels in one generation; twice as many are remembered at most.
    init(limit: Int = 65_536) {
        self.limit = limit
    }

    subscript(channel: Channel) -> Position? { young[channel] ?? old[channel] }

    /// Answers may come in another order than they were given: within one epoch the highest stays.
    mutating func record(_ position: Position, of channel: Channel) {
        if let known = self[channel], known.epoch == position.epoch, known.offset >= position.offset { return }
        if young.count >= limit, young[channel] == nil {
            old = young
            young = [:]
        }
        young[channel] = position
    }
}
