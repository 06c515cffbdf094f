import ArgumentParser
import Options
import Testing

@testable import Orchestrator

struct ProcessPlanTests {
    func makeSettings(viewers: Int, readers: Int, swarms: Int? = nil) -> RunSettings {
        var settings = RunSettings.standard
        settings.viewers = viewers
        settings.readers = readers
        settings.swarms = swarms
        return settings
    }

    @Test(arguments: [(2_500, 1), (18_000, 1), (18_001, 2), (90_000, 5), (90_001, 6)])
    func oneSwarmForEachEighteenThousandViewers(viewers: Int, swarms: Int) {
        let plan = ProcessPlan(
            makeSettings(viewers: viewers, readers: 20), Capacity(perProcess: 20_000))
        #expect(plan.swarms == swarms)
    }

    @Test func theNumberOfSwarmsThatWasAskedForCounts() {
        let limits = Capacity(perProcess: 20_000)
        #expect(ProcessPlan(makeSettings(viewers: 100, readers: 1, swarms: 3), limits).swarms == 3)
        let tooFew = ProcessPlan.problems(with: makeSettings(viewers: 40_000, readers: 5, swarms: 2), limits)
        #expect(tooFew == ["--swarms 2: one swarm process holds 18000 viewers (descriptors: 20000)"])
    }

    @Test func smallLimitsKeepATenthFree() {
        #expect(Capacity(perProcess: 1_024).viewersPerProcess == 922)
        #expect(Capacity(perProcess: 1).viewersPerProcess == 1)
    }

    @Test func chanceCanFillAReaderBeyondTheMean() {
        #expect(ProcessPlan.fullest(viewers: 2_500, readers: 5) == 600)
        #expect(ProcessPlan.fullest(viewers: 7, readers: 1) == 7)
        #expect(ProcessPlan.fullest(viewers: 3, readers: 2) == 3)
    }

    @Test func viewersThatDoNotFitAreRefusedWithTheNumberThatWouldDo() {
        let problems = ProcessPlan.problems(
            with: makeSettings(viewers: 100_000, readers: 5), Capacity(perProcess: 20_000))
        #expect(problems.count == 1)
        #expect(problems.first?.contains("take at least 6 Readers") == true)
        let fits = makeSettings(viewers: 100_000, readers: 6)
        #expect(ProcessPlan.problems(with: fits, Capacity(perProcess: 20_000)).isEmpty)
    }

    @Test func theSeedPresetNeedsNoSwarm() throws {
        let seed = try RunSettings.parse(["--preset", "seed"])
        #expect(ProcessPlan(seed, Capacity(perProcess: 1_024)).swarms == 0)
    }

    /// Each limit by itself is said before anything starts, with what would fit.
    @Test func tooFewPortsAndTooLittleMemoryAreSaidToo() {
        let settings = makeSettings(viewers: 30_000, readers: 1)
        var capacity = Capacity(perProcess: 100_000, memoryBytes: 1 << 40, portsEach: 28_000)
        #expect(ProcessPlan.problems(with: settings, capacity).first?.contains("take at least 2 Readers") == true)
        capacity.portsEach = 60_000
        #expect(ProcessPlan.problems(with: settings, capacity).isEmpty)
        capacity.memoryBytes = 512 << 20
        let problems = ProcessPlan.problems(with: settings, capacity)
        #expect(
            problems.count == 1 && problems[0].contains("of memory")
                && problems[0].hasSuffix("enough for 25559 viewers"))
    }
}
