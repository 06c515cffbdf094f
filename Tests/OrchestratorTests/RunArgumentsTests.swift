import ArgumentParser
import Audience
import Placement
import Testbed
import Testing

@testable import Orchestrator

struct RunArgumentsTests {
    let limits = DescriptorLimits(perProcess: 20_000)

    @Test func nothingTypedIsTheReferenceRun() throws {
        let settings = try RunArguments.parse([]).settings(limits: limits)
        #expect(settings == RunSettings())
        #expect([settings.streams, settings.viewers, settings.readers] == [100, 2_500, 5])
        #expect(settings.audience == .reference)
        #expect(settings.placement == .random)
    }

    @Test func flagsOverrideThePreset() throws {
        var arguments = try RunArguments.parse(["--preset", "reference"])
        arguments.viewers = "600"
        arguments.placement = "overflow"
        arguments.audience = "zipf:1.0"
        let settings = try arguments.settings(limits: limits)
        #expect(settings.preset == .reference)
        #expect(settings.streams == 100)
        #expect(settings.viewers == 600)
        #expect(settings.placement == .overflow)
        #expect(settings.audience == .zipf(exponent: 1))
    }

    @Test func everyProblemIsSaidAtOnce() throws {
        let arguments = try RunArguments.parse([
            "--preset", "huge", "--streams", "abc", "--viewers", "0", "--readers", "101", "--comment-apis", "1.5",
            "--rate", "nan", "--duration", "0", "--seed", "-1", "--audience", "zipf:9", "--placement", "best",
            "--swarms", "65",
        ])
        let names = problems { try arguments.settings(limits: limits) }.map { $0.prefix { $0 != " " } }
        #expect(
            names == [
                "--preset", "--streams", "--viewers", "--readers", "--comment-apis", "--rate", "--duration", "--seed",
                "--swarms", "--placement", "--audience",
            ])
    }

    @Test func aProblemSaysWhatWouldBeRight() {
        #expect(throws: Failure.arguments(["--viewers 0: must be a whole number from 1 to 1000000"])) {
            try RunArguments.parse(["--viewers", "0"]).settings(limits: limits)
        }
        let names = "random, round-robin, least-connections, rendezvous, overflow"
        #expect(throws: Failure.arguments(["--placement best: must be one of \(names)"])) {
            try RunArguments.parse(["--placement", "best"]).settings(limits: limits)
        }
    }

    @Test func viewersComeAndGo() throws {
        let typed = ["--churn", "0.5", "--zaps", "0.25", "--flash-at", "5:0.4"]
        let settings = try RunArguments.parse(typed).settings(limits: limits)
        #expect(settings.moves?.churn == 0.5 && settings.moves?.zaps == 0.25)
        #expect(settings.moves?.flash == FlashCrowd(seconds: 5, share: 0.4))
        #expect(settings.commandLine.contains("--churn 0.5 --zaps 0.25 --flash-at 5.0:0.4"))
        let late = try RunArguments.parse(["--churn", "-1", "--zaps", "x", "--flash-at", "22"])
        #expect(problems { try late.settings(limits: limits) }.count == 3)
    }

    @Test func theSeedPresetHasNoCrowd() throws {
        let settings = try RunArguments.parse(["--preset", "seed", "--duration", "3"]).settings(limits: limits)
        #expect(settings.readers == 3)
        #expect(settings.durationSeconds == 3)
        #expect(throws: Failure.self) {
            try RunArguments.parse(["--preset", "seed", "--viewers", "3"]).settings(limits: limits)
        }
    }

    @Test func theCommandLineRepeatsTheRun() throws {
        let typed = try RunArguments.parse([
            "--viewers", "600", "--rate", "2.5", "--audience", "zipf:1.2", "--placement", "overflow", "--swarms", "2",
        ])
        let settings = try typed.settings(limits: limits)
        let expected =
            "Orchestrator run --streams 100 --viewers 600 --audience zipf:1.2 --rate 2.5 --swarms 2 --readers 5"
            + " --comment-apis 1 --duration 20 --warmup 2 --seed 1 --placement overflow"
        #expect(settings.commandLine == expected)
        let seed = try RunArguments.parse(["--preset", "seed"]).settings(limits: limits)
        #expect(seed.commandLine.hasPrefix("Orchestrator run --preset seed --readers 3 "))
    }
}
