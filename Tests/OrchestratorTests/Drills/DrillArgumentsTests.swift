import Testing

@testable import Orchestrator

struct DrillArgumentsTests {
    let limits = DescriptorLimits(perProcess: 20_000)

    func problems(_ arguments: DrillArguments) -> [String] {
        do throws(Failure) {
            _ = try arguments.read(limits: limits)
            return []
        } catch .arguments(let problems) {
            return problems
        } catch {
            return ["another failure: \(error)"]
        }
    }

    @Test func theDefaultsAreTheOnesOfThePromise() throws {
        let (drills, settings) = try DrillArguments(name: "kill-reader").read(limits: limits)
        #expect(drills == [.killReader])
        #expect(
            settings.commandLine("kill-reader")
                == "Orchestrator drill kill-reader --viewers 2000 --streams 100 --rate 200 --readers 3 --seed 1")
    }

    @Test func allThatIsWrongIsToldTogether() {
        let told = problems(
            DrillArguments(
                name: "flood", viewers: "0", streams: "x", rate: "-1", readers: "99", seed: "-1", slowShare: "2",
                postgres: "maybe"))
        for part in ["flood", "--viewers", "--streams", "--rate", "--readers", "--seed", "--slow-share", "--postgres"] {
            #expect(told.contains { $0.hasPrefix(part) }, "\(part) in \(told)")
        }
    }

    @Test func aDrillThatCannotWorkIsRefused() {
        #expect(!problems(DrillArguments(name: "postgres-down", postgres: "never")).isEmpty)
        #expect(!problems(DrillArguments(name: "kill-reader", readers: "1")).isEmpty)
        #expect(!problems(DrillArguments(name: "kill-reader", viewers: "60000")).isEmpty)
        #expect(problems(DrillArguments(name: "freeze-redis", readers: "1")).isEmpty)
    }

    @Test func allAreAllWithoutWhatIsSwitchedOff() throws {
        #expect(try DrillArguments(name: "all").read(limits: limits).drills == Drill.allCases)
        let without = try DrillArguments(name: "all", postgres: "never").read(limits: limits).drills
        #expect(without == Drill.allCases.filter { $0 != .postgresDown })
    }
}
