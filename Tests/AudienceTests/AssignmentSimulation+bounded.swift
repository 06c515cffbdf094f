import Placement

@testable import Audience

/// Bounded load alone: what overflow would be without hot channels giving way first.
///
/// V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent Hashing with Bounded Loads", SODA 2018, for viewers instead of
/// requests: each goes to the first Reader in its channel's rendezvous order that holds less than c × the mean of what
/// has come so far. There is no closed form for the subscriptions that this leads to: it depends on the order in which
/// viewers come. Here they come mixed, by a seeded permutation.
extension AssignmentSimulation {
    /// - Parameters:
    ///   - loadFactor: c, above 1.
    ///   - readers: their names; without any nobody is placed.
    func assignBounded(loadFactor: Double, readers: [String]) -> Assignment {
        guard !readers.isEmpty else { return Assignment(readers: 0, channels: 0) }
        let hashes = readers.map { StableHash.of($0) }
        var orders: [Int: [Int]] = [:]
        var loads = [Int](repeating: 0, count: readers.count)
        var counts: [[Int: Int]] = Array(repeating: [:], count: viewers.count)
        for (arrived, channel) in mixedArrivals().enumerated() {
            let channel = Int(channel)
            let order = orders[channel] ?? Rendezvous.order(channel: channelHashes[channel], readers: hashes)
            orders[channel] = order
            let bound = (loadFactor * Double(arrived + 1) / Double(readers.count)).rounded(.up)
            let reader = order.first { Double(loads[$0]) < bound } ?? order[0]
            loads[reader] += 1
            counts[channel][reader, default: 0] += 1
        }
        var assignment = Assignment(readers: readers.count, channels: viewers.count)
        for count in counts {
            for (reader, viewers) in count.sorted(by: { $0.key < $1.key }) { assignment.place(viewers, on: reader) }
            assignment.endChannel()
        }
        return assignment
    }

    /// The channel of each viewer, in the order in which they come.
    private func mixedArrivals() -> [Int32] {
        var arrivals: [Int32] = []
        arrivals.reserveCapacity(viewers.reduce(0, +))
        for (channel, count) in viewers.enumerated() {
            for _ in 0..<count { arrivals.append(Int32(channel)) }
        }
        var draws = Xoshiro256(seed: seed, purpose: "bounded arrivals")
        draws.permute(&arrivals)
        return arrivals
    }
}
