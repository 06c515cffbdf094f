import Foundation
import Glibc
import Report
import Subprocess
import SystemPackage
import Testing

@testable import Orchestrator

/// The built command with programs that do nothing in the place of the services.
@Suite(.timeLimit(.minutes(1)))
struct CommandTests {
    /// Writes shell scripts as binaries; each notes its process id.
    func makeBinaries(in folder: String) throws {
        for name in ["StatsAPI", "CommentAPI", "ReaderAPI", "SimClient"] {
            let script = "#!/bin/bash\necho $$ >> \(folder)/pids\nexec sleep 300\n"
            try script.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
            chmod("\(folder)/\(name)", 0o755)
        }
    }

    /// Starts `run`, waits until its services run, lets `disturb` at it, and returns how it ended and the services' ids.
    func run(in folder: String, disturb: @escaping @Sendable (Int32) -> Void) async throws -> (
        TerminationStatus, [Int32], String
    ) {
        try makeBinaries(in: folder)
        let arguments: Arguments = ["run", "--binaries", folder, "--out", "\(folder)/report", "--readers", "2"]
        let result = try await Subprocess.run(
            .path(FilePath(launcher)), arguments: arguments, input: .none, output: .string(limit: 1 << 20),
            error: .discarded
        ) { execution in
            let pids = try await Polling.wait(atMost: .seconds(20)) {
                let pids = text(of: "\(folder)/pids").split(separator: "\n").compactMap { Int32($0) }
                return pids.count == 4 ? pids : nil
            }
            disturb(execution.processIdentifier.value)
            return pids ?? []
        }
        return (result.terminationStatus, result.closureResult, result.standardOutput)
    }

    @Test func noChildOutlivesAnOrchestratorThatIsKilled() async throws {
        try await withFolder { folder in
            let (status, pids, _) = try await run(in: folder) { Glibc.kill($0, SIGKILL) }
            #expect(status == .signaled(SIGKILL))
            #expect(pids.count == 4)
            let redis = try #require(
                text(of: "\(folder)/report/latest/logs/redis.log").split(separator: ":").first.flatMap { Int32($0) })
            let gone = try await Polling.wait(atMost: .seconds(5)) {
                (pids + [redis]).contains(where: isAlive) ? nil : true
            }
            #expect(gone == true)
        }
    }

    @Test func anInterruptStopsEverythingAndWritesWhatThereIs() async throws {
        try await withFolder { folder in
            let (status, pids, _) = try await run(in: folder) { Glibc.kill($0, SIGINT) }
            #expect(status == .exited(130))
            #expect(pids.count == 4)
            #expect(!pids.contains(where: isAlive))
            let report = try Report.read("\(folder)/report/latest")
            #expect(report.verdict.status == .interrupted)
            let processes = report.metrics.filter { $0.group == "Processes" && $0.name == "starts" }
            #expect(processes.map(\.scope) == ["redis", "stats-api", "comment-api-1", "reader-1", "reader-2"])
        }
    }

    @Test func aServiceThatDiesEndsTheRunWithItsOwnExitCode() async throws {
        try await withFolder { folder in
            let (status, pids, output) = try await run(in: folder) { _ in
                let first = text(of: "\(folder)/pids").split(separator: "\n").compactMap { Int32($0) }.first
                Glibc.kill(first ?? 0, SIGKILL)
            }
            #expect(status == .exited(70))
            #expect(output.contains("was ended by signal 9"))
            #expect(!pids.contains(where: isAlive))
        }
    }

    @Test func badArgumentsAreSaidTogetherAndNothingIsStarted() async throws {
        try await withFolder { folder in
            let result = try await launch([
                "run", "--out", "\(folder)/report", "--viewers", "x", "--rate", "-1", "--placement", "best",
            ])
            #expect(result.status == .exited(64))
            for name in ["--viewers x", "--rate -1", "--placement best"] {
                #expect(result.errors.contains(name))
            }
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/report"))
        }
    }

    @Test func aThresholdOnWhatNobodyMeasuresIsSaidBeforeTheStart() async throws {
        try await withFolder { folder in
            try makeBinaries(in: folder)
            let result = try await launch([
                "run", "--binaries", folder, "--out", "\(folder)/report", "--threshold", "p98<1ms",
            ])
            #expect(result.status == .exited(64))
            #expect(result.errors.contains("there is no metric 'p98'; there are channels, spread,"))
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/report"))
        }
    }

    /// 65 is for thresholds and comparisons alike.
    @Test func thresholdsAndComparisonsDecideAboutTheExitCode() async throws {
        try await withFolder { folder in
            let predict = ["predict", "--streams", "10", "--viewers", "100", "--readers", "2", "--out", folder]
            func run(_ arguments: [String]) async throws -> TerminationStatus { try await launch(arguments).status }
            #expect(try await run(predict + ["--threshold", "spread<=100%"]) == .exited(0))
            let good = try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/latest")
            #expect(try await run(["compare", "\(folder)/\(good)", "\(folder)/latest/report.json"]) == .exited(0))
            #expect(try await run(predict + ["--threshold", "spread<1%"]) == .exited(65))
            #expect(try await run(["compare", "\(folder)/\(good)", "\(folder)/latest"]) == .exited(65))
            #expect(try await run(["compare", "\(folder)/\(good)", "\(folder)/none"]) == .exited(64))
        }
    }

    @Test func missingBinariesAreSaidTogether() async throws {
        try await withFolder { folder in
            let result = try await launch(["run", "--binaries", folder, "--out", "\(folder)/report"])
            #expect(result.status == .exited(69))
            for name in ["StatsAPI", "CommentAPI", "ReaderAPI", "SimClient"] {
                #expect(result.errors.contains(name))
            }
        }
    }
}
