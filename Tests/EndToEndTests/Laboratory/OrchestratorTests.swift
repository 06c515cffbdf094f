import Foundation
import Glibc
import Report
import TestSupport
import Testbed
import Testing

extension EndToEndTests {
    @Suite struct OrchestratorTests {
        /// What chance and a busy machine do to so short a run; each test looks at the spread by itself.
        private let allowed = " --allow spread --allow saturated"

        /// The report of a run that ended well.
        private func goodReport(
            _ program: Program, _ folder: String, viewers: Int, readers: Int
        ) async throws -> Report {
            #expect(await program.end(within: 90) == 0, "\(program.log)")
            let report = try Report.read("\(folder)/report/latest")
            #expect(report.value("viewers connected") == Double(viewers))
            #expect(report.value("viewers not connected") == 0)
            let onReaders = report.metrics.filter { $0.group == "Readers" && $0.name == "viewers" }
            #expect(onReaders.count == readers)
            #expect(onReaders.reduce(0) { $0 + $1.value } == Double(viewers))
            expectNothingLost(report)
            #expect(report.value("delivered") == report.value("deliveries expected"))
            #expect(
                report.value("subscriptions in Redis") == report.value("subscriptions"),
                "Redis's own count agrees with the reported one")
            #expect(FileManager.default.fileExists(atPath: "\(folder)/report/latest/report.md"))
            return report
        }

        @Test func aSmallCrowdLosesNothingAndNothingIsLeft() async throws {
            let line =
                "run --out @/report --streams 10 --viewers 100 --readers 2 --duration 5 --rate 20 --seed 1 --audience uniform"
                + allowed
            try await withOrchestrator(line) { program, folder in
                let report = try await goodReport(program, folder, viewers: 100, readers: 2)
                #expect(report.value("channels") == 10)
            }
        }

        /// All services on a Redis Cluster, with likes beside comments: every delivery and every like is accounted for.
        @Test func aRunOnAClusterIsWhole() async throws {
            let line =
                "run --out @/report --streams 10 --viewers 100 --readers 2 --duration 3 --rate 20 --seed 1 --audience uniform"
                + " --redis-nodes 3 --likes-rate 20" + allowed
            try await withOrchestrator(line) { program, folder in
                #expect(await program.end(within: 90) == 0, "\(program.log)")
                let report = try Report.read("\(folder)/report/latest")
                expectNothingLost(report)
                #expect(report.verdict.checks.contains { $0.name == "likes" && $0.passed })
                let nodes = report.metrics.filter { $0.group == "Processes" && $0.scope.hasPrefix("redis-") }
                #expect(Set(nodes.map(\.scope)).count == 3)
            }
        }

        /// The reference run at a fifth of its size: the spread is what the formula says.
        @Test func theReferenceShapeSpreadsAsTheFormulaSays() async throws {
            let line =
                "run --out @/report --preset reference --streams 50 --viewers 600 --readers 3 --duration 3 --rate 30 --seed 1"
                + allowed
            try await withOrchestrator(line) { program, folder in
                let report = try await goodReport(program, folder, viewers: 600, readers: 3)
                #expect(report.value("channels") == 50)
                let spread = try #require(report.value("spread"))
                #expect(abs(spread - (report.value("spread predicted") ?? 0)) < 6)
                #expect((70...95).contains(spread), "\(spread)")
            }
        }

        /// One audience twice: as chance has it at random placement, and the same people again by channel.
        @Test func aRunIsDoneAgainOnAnotherPlacement() async throws {
            let line =
                "run --out @/report --streams 10 --viewers 100 --readers 3 --duration 4 --rate 20 --audience zipf:1.0"
                + " --swarms 2 --churn 6 --flash-at 2:0.3 --record @/trace.ndjson" + allowed
            try await withOrchestrator(line) { program, folder in
                #expect(await program.end(within: 90) == 0, "\(program.log)")
                let first = try Report.read("\(folder)/report/latest")
                expectNothingLost(first)
                #expect(processes(of: folder).isEmpty)
                let again = try await orchestrator(
                    "run --out @/report --readers 3 --placement overflow --replay @/trace.ndjson --swarms 3 --json"
                        + allowed, folder)
                try await withEnd({ await again.stop() }) {
                    #expect(await again.end(within: 90) == 0, "\(again.log)")
                    let second = try Report.read("\(folder)/report/latest")
                    expectNothingLost(second)
                    #expect(second.value("comments due") == first.value("comments due"))
                    #expect(second.value("viewers left, others came") ?? 0 > 10)
                    #expect(second.value("subscriptions") ?? 0 < first.value("subscriptions") ?? 0)
                }
                let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/report/latest")
                #expect(!names.contains { $0.hasSuffix(".ndjson") })
            }
        }

        /// The load of a file changes with its stages, and standard output is the report alone.
        @Test func stagesChangeRateAndAudience() async throws {
            try await withTemporaryFolder { folder in
                let file = """
                    topology: { readers: 2, swarms: 2 }
                    audience: { streams: 10, viewers: 120, shape: uniform }
                    workload: { warmup: 0.5 }
                    stages:
                      - { for: 3, rate: 10, viewers: 40 }
                      - { for: 3, rate: 60, viewers: 120 }
                      - { for: 2, rate: 20, viewers: 20 }
                    allow: [saturated]
                    """
                try file.write(toFile: "\(folder)/stages.yaml", atomically: true, encoding: .utf8)
                let line = "run --file \(folder)/stages.yaml --out @/report --json"
                try await withOrchestrator(line) { program, own in
                    #expect(await program.end(within: 90) == 0, "\(program.log)")
                    let report = try Report.read("\(own)/report/latest")
                    expectNothingLost(report)
                    #expect(report.value("viewers connected") == 40)
                    let readers = report.metrics.filter { $0.group == "Readers" && $0.name == "viewers" }
                    #expect(readers.reduce(0) { $0 + $1.value } == 20)
                    let stages = report.metrics.filter { $0.group == "Stages" }
                    let wanted = stages.filter { $0.name == "wanted" }
                    #expect(wanted.map(\.value) == [10, 60, 20])
                    let deliveries = stages.filter { $0.name == "deliveries a second" }.map(\.value)
                    // 4, 12 and 2 viewers a channel.
                    #expect(deliveries.count == 3 && deliveries[1] > 5 * deliveries[0] && deliveries[1] > deliveries[2])
                    #expect(report.value("spread predicted") == nil && report.value("spread") != nil)
                }
            }
        }

        /// The run of people who post and follow, small: everything that was acknowledged is compared.
        @Test func peopleFollowPostAndAreTold() async throws {
            try await withTemporaryFolder { folder in
                // PostgreSQL is another user than root, and must get in.
                chmod(folder, 0o755)
                let line = "run --out @/report --preset social --viewers 120 --rate 60 --duration 6"
                let program = try await orchestrator(line, folder)
                try await withEnd({ await program.stop() }) {
                    let status = await program.end(within: 180)
                    let report = try Report.read("\(folder)/report/latest")
                    // A busy machine may drop some; nothing else may fail.
                    #expect(report.verdict.failed.map(\.name).filter { $0 != "dropped" } == [], "\(program.log)")
                    #expect(status == 0 || status == 65)
                    #expect(report.value("differences") == 0)
                    for name in ["posts", "likes", "comments", "notifications", "posts in them", "new follows"] {
                        #expect(report.value(name) ?? 0 > 0, "\(name): \(program.log)")
                    }
                }
            }
        }

        /// The run of a million, small: every phase takes place under both placements, and every delivery is audited.
        @Test func theCrowdComesStaysAndLosesAReader() async throws {
            let line =
                "run --out @/report --preset million --viewers 1000 --streams 100 --readers 4 --hold 2 --duration 3"
                + " --rate 100 --churn 6"
            try await withOrchestrator(line) { program, folder in
                let status = await program.end(within: 240)
                let report = try Report.read("\(folder)/report/latest")
                // A busy machine may be slow; nothing else may fail.
                let failed = report.verdict.failed.map(\.name).filter { name in
                    !["p99", "heartbeats", "recovery took"].contains { name.contains($0) }
                }
                #expect(failed == [], "\(program.log)")
                #expect(status == 0 || status == 65)
                for placement in ["random", "overflow"] {
                    func value(_ name: String) -> Double { report.value(name, scope: placement) ?? -1 }
                    #expect(value("viewers connected") == 1_000)
                    #expect(value("deliveries expected") > 1_000 && value("delivered") >= value("deliveries expected"))
                    #expect(value("subscriptions") == value("subscriptions in Redis"))
                    #expect(value("viewers who lost their Reader") > 50)
                    #expect(value("time to recover") > 0)
                    #expect(value("connects while viewers come and go") > 30)
                    #expect(value("Readers, proportional") > 1_048_576)
                }
                func copies(_ placement: String) -> Double {
                    report.value("messages from Redis for each comment", scope: placement) ?? 0
                }
                #expect(copies("random") > copies("overflow") && copies("overflow") >= 1)
            }
        }

        @Test func ctrlCStopsEverything() async throws {
            let line = "run --out @/report --streams 5 --viewers 20 --readers 2 --duration 600 --audience uniform"
            try await withOrchestrator(line) { program, _ in
                #expect(await eventually(within: 60) { program.log.contains("publishing") })
                program.signal(SIGINT)
                #expect(await program.end(within: 60) == 130, "\(program.log)")
            }
        }

        /// One that stands still in the middle of a run: it is named, and nothing stays.
        @Test(arguments: [("redis-server", "redis"), ("CommentAPI", "comment-api-1")])
        func whatFreezesEndsTheRun(program frozen: String, name: String) async throws {
            let line = "run --out @/report --streams 5 --viewers 20 --readers 2 --duration 600 --audience uniform"
            try await withOrchestrator(line) { program, folder in
                #expect(await eventually(within: 60) { program.log.contains("publishing") })
                kill(try #require(processID(of: frozen, in: folder)), SIGSTOP)
                #expect(await program.end(within: 90) == 69, "\(program.log)")
                let report = try Report.read("\(folder)/report/latest")
                #expect(report.verdict.reason.contains("\(name) has not answered for"), "\(report.verdict.reason)")
            }
        }

        /// The drills that were to follow do not begin, whoever is at work in them.
        @Test func ctrlCEndsAllDrills() async throws {
            let line = "drill all --out @/report --viewers 50 --streams 5 --rate 20"
            try await withOrchestrator(line) { program, folder in
                #expect(await eventually(within: 60) { program.log.contains("connected in") })
                program.signal(SIGINT)
                #expect(await program.end(within: 60) == 130, "\(program.log)")
                #expect(program.log.contains("kill-reader") && !program.log.contains("drain-reader"), "\(program.log)")
                #expect(!program.log.contains("likes-"), "\(program.log)")
                let report = try Report.read("\(folder)/report/latest")
                #expect(report.kind == "drills" && report.verdict.status == .interrupted)
            }
        }

        /// Whatever was there before stays, under the very names that a report has.
        @Test func filesOfOthersStay() async throws {
            try await withTemporaryFolder { folder in
                try FileManager.default.createDirectory(atPath: "\(folder)/logs", withIntermediateDirectories: true)
                let ours = ["logs/redis.log", "logs/mine.log", "report.md"].map { "\(folder)/\($0)" }
                for path in ours { try "mine".write(toFile: path, atomically: true, encoding: .utf8) }
                let line = "run --out \(folder) --streams 5 --viewers 20 --readers 2 --duration 1 --allow small"
                let program = try await orchestrator(line + allowed, folder)
                #expect(await program.end(within: 90) == 0, "\(program.log)")
                for path in ours { #expect(try String(contentsOfFile: path, encoding: .utf8) == "mine") }
                #expect(try Report.read("\(folder)/latest").kind == "run")
            }
        }

        /// A Reader dies and comes back; what is typed comes before the file.
        @Test func anExperimentFileIsRunWithItsFaults() async throws {
            try await withTemporaryFolder { folder in
                let text = """
                    topology: { readers: 2 }
                    audience: { streams: 5, viewers: 40, shape: uniform }
                    workload: { rate: 20, duration: 600 }
                    allow: [spread, saturated]
                    faults:
                      - { at: 2, kill: reader-1, for: 1 }
                    """
                try text.write(toFile: "\(folder)/x.yaml", atomically: true, encoding: .utf8)
                let line = "run --file \(folder)/x.yaml --out \(folder)/report --duration 7"
                let program = try await orchestrator(line, folder)
                #expect(await program.end(within: 120) == 0, "\(program.log)")
                let report = try Report.read("\(folder)/report/latest")
                expectNothingLost(report)
                #expect(report.tables.first { $0.title == "Faults" }?.rows.count == 2)
                #expect(report.samples.first { $0.name == "latency since due" }?.rows.isEmpty == false)
                #expect(program.log.contains("dashboard: http://127.0.0.1:"))
                #expect(program.log.contains("20/s wanted"), "\(program.log)")
                try "workload: { rat: 1 }".write(toFile: "\(folder)/bad.yaml", atomically: true, encoding: .utf8)
                let bad = try await orchestrator("run --file \(folder)/bad.yaml --out \(folder)/other", folder)
                #expect(await bad.end(within: 20) == 64 && bad.log.contains("bad.yaml:1: workload.rat"), "\(bad.log)")
            }
        }

        @Test func badArgumentsAreToldAtOnce() async throws {
            try await withOrchestrator("run --out @/report --streams none --rate -1 --audience crowd") {
                program, folder in
                #expect(await program.end() == 64)
                for option in ["--streams", "--rate", "--audience"] {
                    #expect(program.log.contains(option), "\(program.log)")
                }
                #expect(!FileManager.default.fileExists(atPath: "\(folder)/report"))
            }
        }
    }
}

extension EndToEndTests {
    /// What cannot be written is not lost in silence, nor does it crash a program.
    @Suite struct OutputTests {
        @Test(arguments: ["Orchestrator predict", "LikeAPI --version"])
        func aFullDiskAndAClosedPipeAreErrors(command: String) async throws {
            try await withTemporaryFolder { folder in
                let program = "\(Binaries.ownDirectory)/\(command)"
                let pipe = "\(folder)/pipe"
                // The reader of the pipe has ended when the program begins.
                let closed = "mkfifo \(pipe); (: <\(pipe)) & exec 3>\(pipe); wait; \(program) >&3"
                for (line, reason) in [("\(program) >/dev/full", "No space left"), (closed, "Broken pipe")] {
                    let child = try await Program("/bin/sh", ["-c", line], folder: folder)
                    #expect(
                        await child.end(within: 20) == 74
                            && child.log.contains("cannot write to standard output: \(reason)"), "\(child.log)")
                }
            }
        }
    }
}
