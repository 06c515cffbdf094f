import ArgumentParser
import Audience
import Foundation
import Options
import Placement
import TestSupport
import Testbed
import Testing

@testable import Orchestrator

struct RunSettingsTests {
    let limits = Capacity(perProcess: 20_000)

    @Test func nothingTypedIsTheReferenceRun() throws {
        let settings = try RunSettings.parse([]).checked(limits)
        #expect(settings.commandLine == "Orchestrator run")
        #expect(settings.streams == 100 && settings.viewers == 2_500 && settings.readers == 5)
        #expect(settings.audience == .reference)
        #expect(settings.placement == .random)
    }

    @Test func flagsOverrideThePreset() throws {
        let words = "--preset reference --viewers 600 --placement overflow --audience zipf:1.0"
        let settings = try RunSettings.parse(words.split(separator: " ").map(String.init)).checked(limits)
        #expect(settings.preset == .reference)
        #expect(settings.streams == 100)
        #expect(settings.viewers == 600)
        #expect(settings.placement == .overflow)
        #expect(settings.audience == .zipf(exponent: 1))
    }

    @Test func aClusterIsMastersAndTheirReplicas() throws {
        let words = ["--redis-nodes", "3", "--redis-replicas", "1"]
        let settings = try RunSettings.parse(words).checked(limits)
        #expect(settings.redisTopology == .cluster(masters: 3, replicas: 1))
        #expect(settings.redisTopology.names == (0..<6).map { "redis-\($0)" })
        #expect(settings.commandLine == "Orchestrator run --redis-nodes 3 --redis-replicas 1")
        #expect(try RunSettings.parse([]).checked(limits).redisTopology == .server)
        #expect(problems { try RunSettings.parse(["--redis-replicas", "1"]).checked(limits) }.count == 1)
        #expect(problems { try RunSettings.parse(["--redis-nodes", "0"]).checked(limits) }.count == 1)
        let frozen = TimedFault(kind: .freeze, node: "redis-5", at: 2, seconds: 1)
        #expect(TimedFault.problems(with: [frozen], settings).isEmpty)
        #expect(TimedFault.problems(with: [frozen], .standard).count == 1)
    }

    @Test func everyProblemIsSaidAtOnce() throws {
        let arguments = try RunSettings.parse([
            "--preset", "huge", "--streams", "abc", "--viewers", "0", "--readers", "101", "--comment-apis", "1.5",
            "--rate", "nan", "--duration", "0", "--seed", "-1", "--audience", "zipf:9", "--placement", "best",
            "--swarms", "65",
        ])
        let names = problems { try arguments.checked(limits) }.map { $0.prefix { $0 != " " } }
        #expect(
            names == [
                "--preset", "--streams", "--viewers", "--readers", "--comment-apis", "--rate", "--duration", "--seed",
                "--audience", "--placement", "--swarms",
            ])
    }

    @Test func aProblemSaysWhatWouldBeRight() {
        #expect(throws: Failure.arguments(["--viewers 0: must be a whole number from 1 to 1000000"])) {
            try RunSettings.parse(["--viewers", "0"]).checked(limits)
        }
        let names = "random, round-robin, least-connections, rendezvous, overflow"
        #expect(throws: Failure.arguments(["--placement best: must be one of \(names)"])) {
            try RunSettings.parse(["--placement", "best"]).checked(limits)
        }
    }

    @Test func aTraceSaysTheRest() async throws {
        try await withTemporaryFolder { folder in
            let path = "\(folder)/trace.ndjson"
            let events = [
                Trace.Event(.join, "v1", viewer: "a", at: 0), .init(.join, "v2", viewer: "b", at: 1),
                .init(.comment, "v1", viewer: "a", at: 5), .init(.leave, "v1", viewer: "a", at: 9.99),
            ]
            try events.map { $0.line + "\n" }.joined().write(toFile: path, atomically: true, encoding: .utf8)
            let typed = ["--replay", path, "--record", "\(folder)/again.ndjson", "--placement", "overflow"]
            let settings = try RunSettings.parse(typed).checked(limits)
            #expect(settings.streams == 2 && settings.viewers == 2)
            #expect(abs(settings.duration - 8) < 0.1 && abs(settings.rate - 0.1) < 0.001)
            #expect(
                settings.commandLine
                    == "Orchestrator run --placement overflow --record \(folder)/again.ndjson --replay \(path)")
            // Only who is still there counts.
            #expect(try settings.audience([])?.viewers == [0, 1])
            let wrong = try RunSettings.parse(typed + ["--viewers", "5", "--warmup", "10"])
            #expect(
                problems { try wrong.checked(limits) } == [
                    "--viewers: cannot be with --replay: the trace has its own",
                    "--warmup 10: the trace is over by then",
                ])
            let missing = try RunSettings.parse(["--replay", "\(folder)/none", "--record", "\(folder)/none/trace"])
            let found = problems { try missing.checked(limits) }
            #expect(found.first == "--replay \(folder)/none: must be a trace that can be read")
            #expect(found.last?.hasPrefix("--record \(folder)/none/trace: must be a file in a folder") == true)
        }
    }

    @Test func viewersComeAndGo() throws {
        let typed = ["--churn", "0.5", "--zaps", "0.25", "--flash-at", "5:0.4"]
        let settings = try RunSettings.parse(typed).checked(limits)
        #expect(settings.moves?.churn == 0.5 && settings.moves?.zaps == 0.25)
        #expect(settings.moves?.flash == FlashCrowd(seconds: 5, share: 0.4))
        #expect(settings.commandLine.contains("--churn 0.5 --zaps 0.25 --flash-at 5.0:0.4"))
        let late = try RunSettings.parse(["--churn", "-1", "--zaps", "x", "--flash-at", "22"])
        #expect(problems { try late.checked(limits) }.count == 3)
    }

    @Test func theSeedPresetHasNoCrowd() throws {
        let settings = try RunSettings.parse(["--preset", "seed", "--duration", "3"]).checked(limits)
        #expect(settings.readers == 3)
        #expect(settings.duration == 3)
        #expect(throws: Failure.self) {
            try RunSettings.parse(["--preset", "seed", "--viewers", "3"]).checked(limits)
        }
    }

    @Test func theCommandLineRepeatsTheRun() throws {
        let typed = try RunSettings.parse([
            "--viewers", "600", "--rate", "2.5", "--audience", "zipf:1.2", "--placement", "overflow", "--swarms", "2",
        ])
        let settings = try typed.checked(limits)
        let expected =
            "Orchestrator run --viewers 600 --rate 2.5 --audience zipf:1.2 --placement overflow --swarms 2"
        #expect(settings.commandLine == expected)
        let again = try RunSettings.parse(Array(expected.split(separator: " ").dropFirst(2).map(String.init)))
        #expect(try again.checked(limits).commandLine == expected)
        let seed = try RunSettings.parse(["--preset", "seed"]).checked(limits)
        #expect(seed.commandLine == "Orchestrator run --preset seed --readers 3 --duration 10")
    }

    @Test func likesBesideNeedARate() throws {
        #expect(
            problems { try RunSettings.parse(["--photos", "3"]).checked(limits) }.first?.hasPrefix("--photos") == true)
        let likes = try #require(try RunSettings.parse(["--likes-rate", "5", "--photos", "3"]).checked(limits).likes)
        #expect(likes.rate == 5 && likes.photoCount == 3 && likes.users == 0)
    }
}
