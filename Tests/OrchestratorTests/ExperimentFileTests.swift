import ArgumentParser
import Audience
import Foundation
import Options
import Placement
import Report
import Testbed
import Testing

@testable import Orchestrator

struct ExperimentFileTests {
    private let capacity = Capacity(perProcess: 20_000)

    private let text = """
        topology:
          readers: 3
          placement: overflow
        audience:
          streams: 40
          viewers: 600
          shape: zipf:1.2
          flash-at: 5:0.3
        workload:
          rate: 20
          duration: 10
        thresholds: [p99<2s, dropped<1%]
        allow: [spread, small]
        faults:
          - at: 3
            kill: reader-1
            for: 2.5
          - { at: 6, freeze: redis, for: 1 }
        """

    /// What is wrong, told as a person reads it.
    private func problems(_ text: String, _ typed: [String] = []) -> [String] {
        do throws(Failure) {
            let file = try ExperimentFile(text, path: "x.yaml")
            guard let settings = try? RunSettings.parse(typed) else { return ["not parsed"] }
            _ = try file.settings(settings, capacity)
            _ = try file.limits(.standard, RunResult.definitions)
            return []
        } catch {
            guard case .arguments(let problems) = error else { return ["\(error)"] }
            return problems
        }
    }

    @Test func aFileIsAWholeExperiment() throws {
        let file = try ExperimentFile(text, path: "x.yaml")
        let settings = try file.settings(.parse([]), capacity)
        #expect(settings.readers == 3 && settings.streams == 40 && settings.viewers == 600)
        #expect(settings.placement == .overflow && settings.audience == .zipf(exponent: 1.2))
        #expect(settings.rate == 20 && settings.duration == 10 && settings.warmup == 2)
        #expect(settings.flashAt?.seconds == 5 && settings.allowed == [.spread, .small])
        #expect(
            file.faults.map(\.fault) == [
                TimedFault(kind: .kill, node: "reader-1", at: 3, seconds: 2.5),
                TimedFault(kind: .freeze, node: "redis", at: 6, seconds: 1),
            ])
        #expect(try file.limits(.standard, RunResult.definitions).map(\.text) == ["p99<2s", "dropped<1%"])
    }

    @Test func stagesFollowOneAnother() throws {
        let file = try ExperimentFile(
            """
            audience: { streams: 40, viewers: 600 }
            workload: { warmup: 1 }
            stages:
              - { for: 4, rate: 10, viewers: 200 }
              - { for: 6, rate: 50, viewers: 600, churn: 0.5 }
              - { for: 2.5, rate: 0 }
            faults: [{ at: 11, kill: reader-1, for: 1 }]
            """, path: "x.yaml")
        let settings = try file.settings(.parse([]), capacity)
        #expect(settings.duration == 11.5 && settings.warmup == 1)
        let stages = file.stages.map(\.stage)
        #expect(
            stages == [
                RunStage(seconds: 4, load: LoadStage(rate: 10, viewers: 200)),
                RunStage(seconds: 6, load: LoadStage(rate: 50, churn: 0.5, viewers: 600)),
                RunStage(seconds: 2.5, load: LoadStage(rate: 0)),
            ])
        #expect([0, 3.9, 4, 9.9, 10, 20].map { stages.rate(at: $0) } == [10, 10, 50, 50, 0, 0])
        #expect([0, 2, 4, 5, 12.5, 20].map { stages.comments(until: $0) } == [0, 20, 40, 90, 340, 340])
        // How many watch is not what the formula counts with.
        #expect(try settings.audience(stages) == nil)
        #expect(try settings.audience(Array(stages.suffix(1)))?.total == 600)
        var ended = [SwarmCoordinator.Stage](repeating: .init(), count: 4)
        for (index, count) in [0, 40, 340, 341].enumerated() {
            (ended[index].acknowledged, ended[index].delivered) = (count, count * 10)
        }
        ended[2].latency.record(microseconds: 5_000, count: 10)
        let results = stages.results(ended)
        #expect(results.map(\.name) == ["1: 4 s, 10/s, 200 viewers", "2: 6 s, 50/s, 600 viewers", "3: 2.5 s, 0/s"])
        #expect(results.map(\.acknowledged) == [40, 300, 1] && results.map(\.delivered) == [400, 3_000, 10])
        #expect(results[1].latency.p50.map { (4.9...5.1).contains($0) } == true && results[0].latency.p50 == nil)
        // The run was cut short.
        #expect(stages.results(Array(ended.prefix(2))).isEmpty)
    }

    @Test func whatIsTypedComesFirst() throws {
        let file = try ExperimentFile(text, path: "x.yaml")
        // 50 and 2,500 are the defaults: they were typed all the same.
        let typed = try RunSettings.parse(["--rate", "50", "--viewers", "2500", "--allow", "gaps"])
        let settings = try file.settings(typed, capacity)
        #expect(settings.rate == 50 && settings.viewers == 2_500 && settings.streams == 40)
        #expect(settings.allowed == [.gaps])
        let limits = try file.limits(.parse(["--threshold", "p50<1s"]), RunResult.definitions)
        #expect(limits.map(\.text) == ["p50<1s"])
        let again = file.commandLine(typed)
        #expect(again.hasPrefix("Orchestrator run --file x.yaml --readers 3 --placement overflow --streams 40"))
        #expect(again.hasSuffix("--viewers 2500 --rate 50 --allow gaps"))
        #expect(problems("workload: { rate: fast }", ["--rate", "5"]).isEmpty)
    }

    @Test func everyOptionHasItsKey() {
        let known = ExperimentFile.sections.flatMap { $0.options.map(\.option) } + ["--preset", "--allow"]
        #expect(Set(known) == Set(RunSettings.optionNames) && known.count == RunSettings.optionNames.count)
    }

    @Test func whatIsNotKnownIsToldWithItsLineAndKey() {
        let found = problems(
            """
            topology:
              readers: 3
              writers: 2
            weather: fine
            audience: 7
            workload:
              rate: [1, 2]
            allow: spread
            faults:
              - { at: 1, kill: reader-1, whom: me }
            """)
        #expect(
            found.map { $0.split(separator: ": ").prefix(2).joined(separator: ": ") } == [
                "x.yaml:3: topology.writers", "x.yaml:4: weather", "x.yaml:5: audience", "x.yaml:7: workload.rate",
                "x.yaml:8: allow", "x.yaml:10: faults.whom",
            ], "\(found)")
        #expect(found[0].contains("is not known; there are readers, comment-apis, placement, swarms, redis-nodes"))
    }

    @Test func valuesAreReadAsThoseOfTheCommandLine() {
        #expect(
            problems("topology:\n  readers: 0\naudience: { viewers: many }\nallow: [small, luck]") == [
                "x.yaml:3: audience.viewers many: must be a whole number from 1 to 1000000",
                "x.yaml:2: topology.readers 0: must be a whole number from 1 to 100",
                "x.yaml:4: allow luck: must be one of \(RunChecker.Allowance.names)",
            ])
        #expect(
            problems("thresholds:\n  - p99<1s\n  - joy>3").first?.hasPrefix(
                "x.yaml:3: thresholds: joy>3: there is no metric 'joy'") == true)
    }

    @Test(arguments: [
        ("audience: { flash-at: 30 }", "x.yaml:1: audience.flash-at"),
        ("workload:\n  photos: 3", "x.yaml:2: workload.photos: means nothing without"),
        ("preset: seed\naudience: { viewers: 2500 }", "x.yaml:2: audience.viewers: the preset 'seed' always has"),
        ("faults: [{ at: 1, kill: reader-9 }]", "x.yaml:1: faults: there is no reader-9; there are reader-1 to"),
        ("faults: [{ at: 1, kill: redis, for: 1 }]", "x.yaml:1: faults: Redis can only be frozen"),
        ("faults: [{ at: 1, freeze: reader-1 }]", "x.yaml:1: faults: a freeze needs 'for'"),
        ("faults: [{ at: 20, freeze: reader-1, for: 2 }]", "x.yaml:1: faults: must be over before publishing ends, 22"),
        ("faults: [{ at: 1, kill: comment-api-1 }]", "x.yaml:1: faults: leaves no comment-api"),
        ("topology: { readers: 1 }\nfaults: [{ at: 1, stop: reader-1 }]", "x.yaml:2: faults: leaves no reader"),
        (
            "faults:\n- { at: 1, freeze: reader-1, for: 5 }\n- { at: 3, kill: reader-1 }",
            "x.yaml:3: faults: reader-1 still suffers from the fault at 1 s"
        ),
        ("preset: seed\nfaults: [{ at: 1, kill: reader-1 }]", "x.yaml:2: faults: the preset 'seed' has no faults"),
        ("faults: [{ kill: reader-1 }]", "x.yaml:1: faults: each needs 'at' and one of"),
        ("faults: [{ at: 1, kill: reader-1, stop: reader-2 }]", "x.yaml:1: faults: each needs 'at' and one of"),
        ("faults: [{ at: soon, kill: reader-1 }]", "x.yaml:1: faults.at soon: must be seconds"),
        ("faults: [{ at: 1, kill: reader-1, for: 0 }]", "x.yaml:1: faults.for 0: must be seconds"),
        ("stages: [{ for: 1 }]", "x.yaml:1: stages: each needs 'for', in seconds, and 'rate'"),
        ("stages: [5]", "x.yaml:1: stages: must be such as"),
        ("stages: [{ for: 30, rate: 1, users: 3 }]", "x.yaml:1: stages.users: is not known; there are for, rate"),
        ("stages: [{ for: 0, rate: 1 }]", "x.yaml:1: stages.for 0: must be a number from 0.1 to 86400"),
        ("stages: [{ for: 5, rate: 1, viewers: 2.5 }]", "x.yaml:1: stages.viewers 2.5: must be a whole number from 0"),
        (
            "audience: { viewers: 600 }\nstages:\n- { for: 5, rate: 1 }\n- { for: 5, rate: 1, viewers: 601 }",
            "x.yaml:4: stages: 601 viewers are more than the audience's 600"
        ),
        ("workload: { rate: 5 }\nstages: [{ for: 5, rate: 1 }]", "x.yaml:2: stages: rate cannot be with stages"),
        ("audience: { churn: 1 }\nstages: [{ for: 5, rate: 1 }]", "x.yaml:2: stages: churn cannot be with stages"),
        ("preset: seed\nstages: [{ for: 5, rate: 1 }]", "x.yaml:2: stages: the preset 'seed' has phases"),
        ("stages: [{ for: 2, rate: 1 }]", "x.yaml:1: stages: are over after 2 s, before the end of warmup"),
        (
            "stages: [{ for: 5, rate: 1 }]\nfaults: [{ at: 5, kill: reader-1 }]",
            "x.yaml:2: faults: must be over before publishing ends, 5 s"
        ),
        ("workload: { rate: 1, rate: 2 }", "x.yaml"),
        ("topology: {", "x.yaml:"),
        ("", "x.yaml: is empty"),
        ("- 1", "x.yaml:1: the file: must have sections"),
    ])
    func whatCannotBeIsRefused(text: String, problem: String) {
        let found = problems(text)
        #expect(found.first?.hasPrefix(problem) == true, "\(found)")
    }

    @Test func aMissingFileIsToldByItsName() {
        #expect(throws: Failure.arguments(["--file /nowhere/x.yaml: cannot be read"])) {
            try ExperimentFile(reading: "/nowhere/x.yaml")
        }
    }

    @Test func theExamplesCanBeRun() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../experiments")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".yaml") }
        #expect(names.count >= 3)
        for name in names {
            let file = try ExperimentFile(reading: folder.appending(path: name).path)
            _ = try file.settings(.parse([]), capacity)
            _ = try file.limits(.standard, RunResult.definitions)
        }
    }
}
