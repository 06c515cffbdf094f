/// Viewers that one process has placed in a stretch of time.
struct ArrivalTally: Sendable {
    private(set) var counted = 0
    /// By Reader and channel.
    private(set) var arrivals: [String: [String: Int]] = [:]
    /// Channels that became full by this count, by Reader.
    var filled: [String: Set<String>] = [:]
    private var channels = 0
    /// Connections at which each Reader's hot channels are looked at again.
    private var shedAgainAt: [String: Int] = [:]

    /// - Returns: viewers of `channel` on `reader`; 0 when there is no room to count another channel.
    mutating func count(_ viewers: Int, _ channel: String, on reader: String, channelsMax: Int) -> Int {
        counted += viewers
        if arrivals[reader]?[channel] == nil {
            guard channels < channelsMax else { return 0 }
            channels += 1
        }
        arrivals[reader, default: [:]][channel, default: 0] += viewers
        return arrivals[reader]?[channel] ?? 0
    }

    /// Whether to look for the hot channels of a Reader that has so many connections: a look is not for every viewer.
    mutating func mayShed(_ reader: String, at connections: Int) -> Bool {
        guard connections >= shedAgainAt[reader] ?? 0 else { return false }
        shedAgainAt[reader] = connections + max(1, connections / 50)
        return true
    }

    /// Both, one after the other; the marks of the other are the newer ones.
    func adding(_ other: ArrivalTally) -> ArrivalTally {
        var sum = self
        sum.counted += other.counted
        sum.filled.merge(other.filled) { $0.union($1) }
        return sum
    }
}
