public import Placement

/// Places a whole audience: a seeded Monte-Carlo for what has no closed form, and a check for what has one.
///
/// Names decide about rendezvous and overflow, the seed about the others: two strategies with one simulation see the
/// same Readers, the same channels and the same viewers.
public struct AssignmentSimulation: Sendable {
    /// Viewers of each channel.
    public let viewers: [Int]
    public let limits: PlacementLimits
    public let seed: UInt64
    let channelHashes: [UInt64]
    /// Channels from the smallest to the largest.
    let ascending: [Int]

    /// - Parameters:
    ///   - viewers: viewers of each channel, none negative, none over 2³¹-1.
    ///   - names: the channels' names, as many; without them names are drawn from the seed, which makes a run with
    ///     another seed an independent sample of rendezvous and overflow, too.
    public init(viewers: [Int], names: [String]? = nil, seed: UInt64, limits: PlacementLimits = .standard) {
        self.viewers = viewers
        self.seed = seed
        self.limits = limits
        if let names, names.count == viewers.count {
            channelHashes = names.map { StableHash.of($0) }
        } else {
            var draws = Xoshiro256(seed: seed, purpose: "channel names")
            channelHashes = viewers.map { _ in draws.next() }
        }
        ascending = viewers.indices.sorted { viewers[$0] == viewers[$1] ? $0 < $1 : viewers[$0] < viewers[$1] }
    }

    /// Names for Readers that have none: `reader-1`, `reader-2` … .
    public static func readerNames(_ count: Int) -> [String] {
        (0..<max(0, count)).map { "reader-\($0 + 1)" }
    }

    /// Places every viewer. Index i of the result is the i-th of `readers`; without Readers nobody is placed.
    public func assign(_ strategy: PlacementStrategy, readers: [String]) -> Assignment {
        var leaders = RendezvousLeaders(channels: channelHashes)
        return assign(strategy, readers: readers, leaders: &leaders)
    }

    /// The same for many numbers of Readers in turn: what `leaders` found for the Readers before is not searched again.
    public func assign(
        _ strategy: PlacementStrategy, readers: [String], leaders: inout RendezvousLeaders
    ) -> Assignment {
        guard !readers.isEmpty else { return Assignment(readers: 0, channels: 0) }
        switch strategy {
        case .random: return random(readers: readers.count)
        case .roundRobin, .leastConnections: return dealt(readers: readers.count)
        case .rendezvous, .overflow:
            let hashes = readers.map { StableHash.of($0) }
            leaders.seek(hashes)
            return strategy == .overflow
                ? overflow(readers: hashes, leaders: leaders.first)
                : rendezvous(readers: hashes, leaders: leaders.first)
        }
    }

    /// The search for every channel's first Reader, to be handed from one assignment to the next.
    public func makeLeaders() -> RendezvousLeaders { RendezvousLeaders(channels: channelHashes) }

    private func random(readers: Int) -> Assignment {
        var draws = Xoshiro256(seed: seed, purpose: "random placement")
        return counted(readers: readers) { draws.below(readers) }
    }

    /// Equal hands: to deal a mixed audience to the Readers is to deal mixed Readers to the audience.
    private func dealt(readers: Int) -> Assignment {
        var draws = Xoshiro256(seed: seed, purpose: "dealt placement")
        let total = viewers.reduce(0, +)
        var hands = (0..<total).map { Int32($0 % readers) }
        draws.permute(&hands)
        var next = 0
        return counted(readers: readers) {
            defer { next += 1 }
            return Int(hands[next])
        }
    }

    /// Asks for the Reader of each viewer, channel by channel.
    private func counted(readers: Int, readerOfNextViewer: () -> Int) -> Assignment {
        var assignment = Assignment(readers: readers, channels: viewers.count)
        var counts = [Int](repeating: 0, count: readers)
        for channelViewers in viewers {
            for _ in 0..<channelViewers { counts[readerOfNextViewer()] += 1 }
            for reader in 0..<readers where counts[reader] > 0 {
                assignment.place(counts[reader], on: reader)
                counts[reader] = 0
            }
            assignment.endChannel()
        }
        return assignment
    }

    private func rendezvous(readers: [UInt64], leaders: [Int32]) -> Assignment {
        var assignment = Assignment(readers: readers.count, channels: viewers.count)
        for (channel, channelViewers) in viewers.enumerated() {
            if channelViewers > 0 { assignment.place(channelViewers, on: Int(leaders[channel])) }
            assignment.endChannel()
        }
        return assignment
    }
}
