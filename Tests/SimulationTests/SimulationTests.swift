import Foundation
import Testing

/// Thousands of seeded schedules of Readers, Redis and viewers: no sockets, no threads, no clocks.
///
/// What runs is what runs in a Reader: its channel registry, its loops, its sequencers and recoveries, the driver's table
/// of subscriptions, and the store with the publish script's rules. Simulated are time, connections and people. A schedule
/// draws from its seed how long everything takes and what goes wrong; see ``Plan`` and `World.fault()`. The promise that
/// is checked stands at ``Witness``.
///
/// `CHORUS_SIM_SEED=123 swift test --filter SimulationTests` runs one schedule and prints its events;
/// `CHORUS_SIM_SCHEDULES=100000` runs so many.
@Suite struct SimulationTests {
    static let parts = 4

    @Test(arguments: 0..<parts)
    func everyAcknowledgedCommentArrivesOnceAndInOrderOrIsToldMissing(part: Int) {
        run(Self.seeds(of: part, of: Self.schedules), part: part, isCluster: false)
    }

    /// The same on a cluster: failovers with replicas that are behind, masters that thaw and do not know that they are none any
    /// more, partitions, slots on their way and left open, and the masters at both ends of these failing over.
    @Test(arguments: 0..<parts)
    func onAClusterToo(part: Int) {
        run(Self.seeds(of: part, of: Self.clusterSchedules), part: part, isCluster: true)
    }

    private func run(_ seeds: [UInt64], part: Int, isCluster: Bool) {
        var coverage = Coverage()
        for seed in seeds {
            let world = World(plan: Plan(seed: seed, isCluster: isCluster))
            let violations = world.run()
            coverage = coverage + world.coverage
            guard violations.isEmpty else {
                Issue.record("\(Failure(seed: seed, isCluster: isCluster, violations: violations))")
                return
            }
        }
        // A handful of schedules need not meet every fault.
        if seeds.count >= 100 { #expect(coverage.shortfalls(in: seeds.count, isCluster: isCluster) == []) }
        if part == 0, let seed = Self.onlySeed { print(Failure(seed: seed, isCluster: isCluster, violations: [])) }
        print("part \(part):", coverage.summary)
    }

    /// Else a seed would reproduce nothing.
    @Test func theSameSeedIsTheSameRun() {
        for seed: UInt64 in [3, 17, 99] {
            for isCluster in [false, true] {
                #expect(Failure.journal(of: seed, isCluster) == Failure.journal(of: seed, isCluster))
            }
        }
    }

    private static let onlySeed = number("CHORUS_SIM_SEED")
    /// A debug build takes some milliseconds for each.
    private static let schedules = number("CHORUS_SIM_SCHEDULES") ?? 2000
    private static let clusterSchedules = number("CHORUS_SIM_SCHEDULES") ?? 500

    private static func number(_ key: String) -> UInt64? {
        ProcessInfo.processInfo.environment[key].flatMap { UInt64($0) }
    }

    private static func seeds(of part: Int, of schedules: UInt64) -> [UInt64] {
        if let onlySeed { return part == 0 ? [onlySeed] : [] }
        return Array(stride(from: UInt64(part) + 1, through: schedules, by: parts))
    }
}

/// A schedule that broke the promise: how to repeat it, and what happened in it.
struct Failure: CustomStringConvertible {
    let seed: UInt64
    let isCluster: Bool
    let violations: [String]

    static func journal(of seed: UInt64, _ isCluster: Bool) -> [String] {
        let world = World(plan: Plan(seed: seed, isCluster: isCluster), keepsJournal: true)
        _ = world.run()
        return world.journal
    }

    var description: String {
        """
        \(violations.joined(separator: "\n"))
        reproduce: CHORUS_SIM_SEED=\(seed) swift test --filter SimulationTests.\(isCluster ? "onACluster" : "every")
        \(Plan(seed: seed, isCluster: isCluster))
        \(Failure.journal(of: seed, isCluster).joined(separator: "\n"))
        """
    }
}
