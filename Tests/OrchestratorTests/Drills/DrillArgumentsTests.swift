import ArgumentParser
import Placement
import Testing

@testable import Orchestrator

struct DrillArgumentsTests {
    let limits = DescriptorLimits(perProcess: 20_000)

    func problems(_ arguments: DrillArguments) -> [String] {
        OrchestratorTests.problems { try arguments.read(limits: limits) }
    }

    @Test func theDefaultsAreTheOnesOfThePromise() throws {
        let (drills, settings) = try DrillArguments.parse(["kill-reader"]).read(limits: limits)
        #expect(drills == [.killReader])
        #expect(
            settings.commandLine("kill-reader")
                == "Orchestrator drill kill-reader --viewers 2000 --streams 100 --rate 200 --readers 3 --seed 1")
    }

    @Test func joiningAndLeavingHasASizeOfItsOwn() throws {
        let own = try DrillArguments.parse(["join-leave"]).read(limits: limits).settings
        #expect(
            own.commandLine("join-leave")
                == "Orchestrator drill join-leave --viewers 10000 --streams 1000 --rate 50 --readers 6 --seed 1")
        let smaller = try DrillArguments.parse(["join-leave", "--viewers", "90", "--readers", "2"]).read(limits: limits)
            .settings
        #expect(smaller.viewers == 90)
        #expect(smaller.streams == 1_000)
        #expect(try !problems(DrillArguments.parse(["join-leave", "--readers", "1"])).isEmpty)
        // With all others it is one of them.
        #expect(try DrillArguments.parse(["all"]).read(limits: limits).settings == DrillSettings())
        let layout = DrillLayout(.joinLeave, own)
        #expect(layout.placement == .overflow)
        #expect(layout.swarmOptions.contains("zipf:1.0"))
        #expect(layout.swarmOptions.contains("follow"))
        #expect(DrillLayout(.killReader, own).placement == .random)
    }

    @Test func allThatIsWrongIsToldTogether() throws {
        let told = problems(
            try DrillArguments.parse([
                "flood", "--viewers", "0", "--streams", "x", "--rate", "-1", "--readers", "99", "--seed", "-1",
                "--slow-share", "2", "--postgres", "maybe",
            ]))
        for part in ["flood", "--viewers", "--streams", "--rate", "--readers", "--seed", "--slow-share", "--postgres"] {
            #expect(told.contains { $0.hasPrefix(part) }, "\(part) in \(told)")
        }
    }

    @Test func aDrillThatCannotWorkIsRefused() throws {
        #expect(try !problems(DrillArguments.parse(["postgres-down", "--postgres", "never"])).isEmpty)
        #expect(try !problems(DrillArguments.parse(["kill-reader", "--readers", "1"])).isEmpty)
        #expect(try problems(DrillArguments.parse(["kill-worker", "--rate", "9"])).first?.hasPrefix("--rate") == true)
        #expect(try !problems(DrillArguments.parse(["kill-reader", "--viewers", "60000"])).isEmpty)
        #expect(try problems(DrillArguments.parse(["freeze-redis", "--readers", "1"])).isEmpty)
    }

    @Test func allAreAllWithoutWhatIsSwitchedOff() throws {
        #expect(try DrillArguments.parse(["all"]).read(limits: limits).drills == Drill.all)
        let without = try DrillArguments.parse(["all", "--postgres", "never"]).read(limits: limits).drills
        #expect(without == Drill.all.filter { $0.crowd == .comments && $0.database != .needed })
    }
}
