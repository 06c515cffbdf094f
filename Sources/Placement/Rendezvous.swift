/// Rendezvous order: every Reader gets a weight for a channel, and the heaviest comes first.
///
/// D. Thaler, C. Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", IEEE/ACM Transactions on Networking
/// 6(1), 1998. Everybody who knows the Readers' names computes the same order without talking to anybody. A Reader that
/// leaves moves only the channels that were its own; one that joins takes over only the channels it now leads in.
public enum Rendezvous {
    /// The weight of a Reader for a channel, from the ``StableHash`` of their names.
    @inlinable
    public static func weight(channel: UInt64, reader: UInt64) -> UInt64 {
        StableHash.mix(channel ^ reader)
    }

    /// Indices into `readers`, heaviest first; equal weights go to the smaller index.
    ///
    /// Whoever sorts the Readers by id before asking has ties broken by id.
    public static func order(channel: UInt64, readers: [UInt64]) -> [Int] {
        let weights = readers.map { weight(channel: channel, reader: $0) }
        return readers.indices.sorted { left, right in
            weights[left] == weights[right] ? left < right : weights[left] > weights[right]
        }
    }

    /// The first of ``order(channel:readers:)`` without the sorting; `nil` without Readers.
    public static func first(channel: UInt64, readers: [UInt64]) -> Int? {
        var best: Int?
        var bestWeight: UInt64 = 0
        for (index, reader) in readers.enumerated() {
            let weight = weight(channel: channel, reader: reader)
            if best == nil || weight > bestWeight {
                best = index
                bestWeight = weight
            }
        }
        return best
    }

    /// The names of `readers` in the order of `channel`, ties by name.
    public static func order(channel: String, readers: [String]) -> [String] {
        let sorted = readers.sorted()
        return order(channel: StableHash.of(channel), readers: sorted.map { StableHash.of($0) }).map { sorted[$0] }
    }
}
