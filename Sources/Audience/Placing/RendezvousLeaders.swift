internal import Placement

/// The first Reader of every channel, kept up to date while Readers are added.
///
/// A table over 3 to 100 Readers would search 5,000 Readers a channel; a Reader that joins only has to be compared with
/// the one that leads, which makes it 100.
public struct RendezvousLeaders: Equatable, Sendable {
    private let channels: [UInt64]
    private var readers: [UInt64] = []
    private var weights: [UInt64]
    /// Index of each channel's first Reader; 0 as long as there is none.
    private(set) var first: [Int32]

    init(channels: [UInt64]) {
        self.channels = channels
        weights = Array(repeating: 0, count: channels.count)
        first = Array(repeating: 0, count: channels.count)
    }

    /// Finds the first of these Readers for every channel, ties by index. Begins anew unless they go on where the
    /// Readers of the last search ended.
    mutating func seek(_ wanted: [UInt64]) {
        if !wanted.starts(with: readers) { self = RendezvousLeaders(channels: channels) }
        for index in readers.count..<wanted.count { add(wanted[index], index: Int32(index)) }
        readers = wanted
    }

    private mutating func add(_ reader: UInt64, index: Int32) {
        for channel in channels.indices {
            let weight = Rendezvous.weight(channel: channels[channel], reader: reader)
            if weight > weights[channel] {
                weights[channel] = weight
                first[channel] = index
            }
        }
    }
}
