/// How many viewers of each channel are on which Reader.
///
/// Stored as one run of parts per channel: a Reader's index and a count. 90,000 channels on 14 Readers at random are
/// about a million parts, 8 bytes each.
public struct Assignment: Equatable, Sendable {
    /// Viewers of one channel on one Reader, at least 1.
    public struct Part: Equatable, Sendable {
        public let reader: Int32
        public let viewers: Int32
    }

    public let readers: Int
    /// Viewers on each Reader.
    public private(set) var loads: [Int]
    /// Channels on each Reader: what it subscribes to.
    public private(set) var subscriptions: [Int]
    private var parts: [Part] = []
    /// Index of each channel's first part; one more entry than channels.
    private var starts: [Int] = [0]

    init(readers: Int, channels: Int) {
        self.readers = readers
        loads = Array(repeating: 0, count: readers)
        subscriptions = Array(repeating: 0, count: readers)
        starts.reserveCapacity(channels + 1)
    }

    /// What was seen.
    ///
    /// - Parameter held: of each Reader, the viewers of its channels.
    public init(_ held: [[Int: Int]], channels: Int) {
        self.init(readers: held.count, channels: channels)
        for channel in 0..<channels {
            for (reader, held) in held.enumerated() {
                if let viewers = held[channel], viewers > 0 { place(viewers, on: reader) }
            }
            endChannel()
        }
    }

    /// Channels, those without viewers too.
    public var channels: Int { starts.count - 1 }

    /// The Readers of one channel; empty for a channel without viewers.
    public func parts(ofChannel channel: Int) -> ArraySlice<Part> {
        parts[starts[channel]..<starts[channel + 1]]
    }

    /// Gives viewers of the channel that is being built to a Reader that has none of it yet.
    mutating func place(_ viewers: Int, on reader: Int) {
        parts.append(Part(reader: Int32(reader), viewers: Int32(viewers)))
        loads[reader] += viewers
        subscriptions[reader] += 1
    }

    /// Ends the channel that is being built; the next part belongs to the next channel.
    mutating func endChannel() {
        starts.append(parts.count)
    }

    /// Load of the fullest Reader over the mean; 0 without viewers.
    public var loadMaxOverMean: Double {
        let total = loads.reduce(0, +)
        return total == 0 ? 0 : Double(loads.max() ?? 0) * Double(readers) / Double(total)
    }

    /// Comments follow viewers.
    public func outcome() -> SpreadOutcome {
        var watched = 0
        var weighted = 0.0
        var sum = 0.0
        for channel in 0..<channels {
            let readers = parts(ofChannel: channel)
            guard !readers.isEmpty else { continue }
            let rate = Double(readers.reduce(0) { $0 + Int($1.viewers) })
            watched += 1
            weighted += rate * Double(readers.count)
            sum += rate
        }
        return SpreadOutcome(
            readers: readers, channels: watched, subscriptions: Double(parts.count), weightedSubscriptions: weighted,
            rate: sum, loadMaxOverMean: loadMaxOverMean)
    }
}
