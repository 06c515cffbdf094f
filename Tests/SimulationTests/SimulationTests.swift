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
        var coverage = Coverage()
        for seed in Self.seeds(of: part) {
            let world = World(plan: Plan(seed: seed))
            let violations = world.run()
            coverage = coverage + world.coverage
            guard violations.isEmpty else {
                Issue.record("\(Failure(seed: seed, violations: violations))")
                return
            }
        }
        // A handful of schedules need not meet every fault.
        let count = Self.seeds(of: part).count
        if count >= 500 { #expect(coverage.shortfalls(in: count) == []) }
        if part == 0, let seed = Self.onlySeed { print(Failure(seed: seed, violations: [])) }
        print("part \(part):", coverage.summary)
    }

    /// Else a seed would reproduce nothing.
    @Test func theSameSeedIsTheSameRun() {
        for seed: UInt64 in [3, 17, 99] {
            #expect(Failure.journal(of: seed) == Failure.journal(of: seed))
        }
    }

    private static let onlySeed = number("CHORUS_SIM_SEED")
    /// A debug build takes some milliseconds for each.
    private static let schedules = number("CHORUS_SIM_SCHEDULES") ?? 2000

    private static func number(_ key: String) -> UInt64? {
        ProcessInfo.processInfo.environment[key].flatMap { UInt64($0) }
    }

    private static func seeds(of part: Int) -> [UInt64] {
        if let onlySeed { return part == 0 ? [onlySeed] : [] }
        return Array(stride(from: UInt64(part) + 1, through: schedules, by: parts))
    }
}

/// A schedule that broke the promise: how to repeat it, and what happened in it.
struct Failure: CustomStringConvertible {
    let seed: UInt64
    let violations: [String]

    static func journal(of seed: UInt64) -> [String] {
        let world = World(plan: Plan(seed: seed), keepsJournal: true)
        _ = world.run()
        return world.journal
    }

    var description: String {
        """
        \(violations.joined(separator: "\n"))
        reproduce: CHORUS_SIM_SEED=\(seed) swift test --filter SimulationTests
        \(Plan(seed: seed))
        \(Failure.journal(of: seed).joined(separator: "\n"))
        """
    }
}
