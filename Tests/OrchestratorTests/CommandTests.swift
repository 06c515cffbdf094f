import Foundation
import Glibc
import Primitives
import Report
import TestSupport
import Testbed
import Testing

@testable import Orchestrator

/// The built command with programs that do nothing in the place of the services.
@Suite(.timeLimit(.minutes(1)))
struct CommandTests {
    /// Writes shell scripts as binaries; each notes its process id.
    func makeBinaries(in folder: String, ignoringSignals: Bool = false) throws {
        for name in ["StatsAPI", "CommentAPI", "ReaderAPI", "SimClient"] {
            let trap = ignoringSignals ? "trap '' TERM\n" : ""
            let script = "#!/bin/bash\n\(trap)echo $$ >> \(folder)/pids\nexec sleep 300\n"
            try script.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
            chmod("\(folder)/\(name)", 0o755)
        }
    }

    /// Starts `run`, waits until its services run, lets `disturb` at it, and returns how it ended, the services' ids, and
    /// what it said.
    func run(
        in folder: String, ignoringSignals: Bool = false, disturb: (Program) async -> Void
    ) async throws -> (Int32?, [Int32], String) {
        try makeBinaries(in: folder, ignoringSignals: ignoringSignals)
        let program = try await Program(
            "Orchestrator", ["run", "--binaries", folder, "--out", "\(folder)/report", "--readers", "2"], folder: folder
        )
        return try await withEnd({ await program.stop() }) {
            let pids = try await Polling.wait(atMost: .seconds(20)) {
                let pids = text(of: "\(folder)/pids").split(separator: "\n").compactMap { Int32($0) }
                return pids.count == 4 ? pids : nil
            }
            await disturb(program)
            return (await program.end(within: 40), pids ?? [], program.log)
        }
    }

    @Test func noChildOutlivesAnOrchestratorThatIsKilled() async throws {
        try await withTemporaryFolder { folder in
            let (status, pids, _) = try await run(in: folder) { $0.signal(SIGKILL) }
            #expect(status == 128 + SIGKILL)
            #expect(pids.count == 4)
            let redis = try #require(
                text(of: "\(folder)/report/latest/logs/redis.log").split(separator: ":").first.flatMap { Int32($0) })
            #expect(
                try await Polling.until(atMost: .seconds(5)) {
                    !(pids + [redis]).contains(where: ProcessUsage.isAlive)
                })
        }
    }

    @Test func anInterruptStopsEverythingAndWritesWhatThereIs() async throws {
        try await withTemporaryFolder { folder in
            let (status, pids, _) = try await run(in: folder) { $0.signal(SIGINT) }
            #expect(status == 130)
            #expect(pids.count == 4)
            #expect(!pids.contains(where: ProcessUsage.isAlive))
            let report = try Report.read("\(folder)/report/latest")
            #expect(report.verdict.status == .interrupted)
            let processes = report.metrics.filter { $0.group == "Processes" && $0.name == "starts" }
            #expect(processes.map(\.scope) == ["redis", "stats-api", "comment-api-1", "reader-1", "reader-2"])
        }
    }

    /// Services that do not hear a signal would be waited for; whoever asks a second time does not wait.
    @Test func aSecondInterruptEndsEverythingAtOnce() async throws {
        try await withTemporaryFolder { folder in
            let start = Locked(ContinuousClock.now)
            let (status, pids, _) = try await run(in: folder, ignoringSignals: true) { program in
                start.value = .now
                program.signal(SIGINT)
                try? await Task.sleep(for: .milliseconds(500))
                #expect(program.exitCode == nil)
                program.signal(SIGINT)
            }
            #expect(status == 130)
            #expect(ContinuousClock.now - start.value < .seconds(4), "their grace is 5 s")
            #expect(pids.count == 4 && !pids.contains(where: ProcessUsage.isAlive))
            let left = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.contains("chorus-data") }
            #expect(left.isEmpty)
        }
    }

    @Test func aServiceThatDiesEndsTheRunWithItsOwnExitCode() async throws {
        try await withTemporaryFolder { folder in
            let (status, pids, output) = try await run(in: folder) { _ in
                let first = text(of: "\(folder)/pids").split(separator: "\n").compactMap { Int32($0) }.first
                Glibc.kill(first ?? 0, SIGKILL)
            }
            #expect(status == 70)
            #expect(output.contains("was ended by signal 9"))
            #expect(!pids.contains(where: ProcessUsage.isAlive))
        }
    }

    @Test func badArgumentsAreSaidTogetherAndNothingIsStarted() async throws {
        try await withTemporaryFolder { folder in
            let result = try await launch([
                "run", "--out", "\(folder)/report", "--viewers", "x", "--rate", "-1", "--placement", "best",
            ])
            #expect(result.code == 64)
            for name in ["--viewers x", "--rate -1", "--placement best"] {
                #expect(result.log.contains(name))
            }
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/report"))
        }
    }

    @Test func aThresholdOnWhatNobodyMeasuresIsSaidBeforeTheStart() async throws {
        try await withTemporaryFolder { folder in
            try makeBinaries(in: folder)
            let result = try await launch([
                "run", "--binaries", folder, "--out", "\(folder)/report", "--threshold", "p98<1ms",
            ])
            #expect(result.code == 64)
            #expect(result.log.contains("there is no metric 'p98'; there are channels, spread,"))
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/report"))
        }
    }

    /// 65 is for thresholds and comparisons alike.
    @Test func thresholdsAndComparisonsDecideAboutTheExitCode() async throws {
        try await withTemporaryFolder { folder in
            let predict = ["predict", "--streams", "10", "--viewers", "100", "--readers", "2", "--out", folder]
            func run(_ arguments: [String]) async throws -> Int32? { try await launch(arguments).code }
            #expect(try await run(predict + ["--threshold", "spread<=100%"]) == 0)
            let good = try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/latest")
            #expect(try await run(["compare", "\(folder)/\(good)", "\(folder)/latest/report.json"]) == 0)
            #expect(try await run(predict + ["--threshold", "spread<1%"]) == 65)
            #expect(try await run(["compare", "\(folder)/\(good)", "\(folder)/latest"]) == 65)
            #expect(try await run(["compare", "\(folder)/\(good)", "\(folder)/none"]) == 64)
        }
    }

    @Test func missingBinariesAreSaidTogether() async throws {
        try await withTemporaryFolder { folder in
            let result = try await launch(["run", "--binaries", folder, "--out", "\(folder)/report"])
            #expect(result.code == 69)
            for name in ["StatsAPI", "CommentAPI", "ReaderAPI", "SimClient"] {
                #expect(result.log.contains(name))
            }
        }
    }
}
