import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEndTests {
    @Suite struct SweepTests {
        private struct Report: Decodable {
            struct Cell: Decodable {
                struct Measured: Decodable {
                    var spread: Double
                    var redisSubscriptions: Int?
                    var subscriptions: Int
                }
                struct Predicted: Decodable {
                    var share: Double
                }
                var measured: Measured
                var predicted: Predicted
                var delivered: Int
                var lost: Int
            }
            struct Missing: Decodable {
                var kind: String
            }
            var cells: [Cell]
            var missing: [Missing]
        }

        private func report(_ folder: String) throws -> Report {
            let json = try #require(FileManager.default.contents(atPath: "\(folder)/report.json"))
            return try JSONDecoder().decode(Report.self, from: json)
        }

        /// Two cells; the sweep is interrupted in the second one and goes on where it was.
        @Test func anInterruptedSweepKeepsItsCellsAndGoesOn() async throws {
            try await withTemporaryFolder { folder in
                let sweep = "\(folder)/sweep"
                let program = try Program(
                    "Orchestrator",
                    [
                        "sweep", "--streams", "20", "--viewers", "60", "--readers", "2,3", "--placement", "random",
                        "--rate", "20", "--duration", "2", "--out", sweep,
                    ], folder: folder)
                let first = "\(sweep)/cells/20-streams-60-viewers-2-readers-random/report.json"
                let second = "\(sweep)/cells/20-streams-60-viewers-3-readers-random/logs/reader-1.log"
                let begun = await eventually(within: 60) {
                    FileManager.default.fileExists(atPath: first) && FileManager.default.fileExists(atPath: second)
                }
                #expect(begun, "\(program.log)")
                program.signal(SIGINT)
                #expect(await program.end(within: 30) == 130, "\(program.log)")
                await program.stop()
                let half = try report(sweep)
                #expect(half.cells.count == 1)
                #expect(half.missing.map(\.kind) == ["open"])
                let stamp = try FileManager.default.attributesOfItem(atPath: first)[.modificationDate] as? Date

                let more = try Program("Orchestrator", ["sweep", "--resume", sweep], folder: folder)
                #expect(await more.end(within: 60) == 0, "\(more.log)")
                await more.stop()
                let whole = try report(sweep)
                #expect(whole.cells.count == 2)
                #expect(whole.missing.isEmpty)
                let after = try FileManager.default.attributesOfItem(atPath: first)[.modificationDate] as? Date
                #expect(stamp == after, "the finished cell was measured again")
                for cell in whole.cells {
                    #expect(cell.delivered > 0 && cell.lost == 0)
                    #expect(cell.measured.subscriptions == cell.measured.redisSubscriptions)
                    #expect(abs(cell.measured.spread - cell.predicted.share) < 0.15)
                }
                _ = await eventually(within: 30) { processes(of: folder).isEmpty }
                #expect(processes(of: folder).isEmpty)
            }
        }

        @Test func resumeTakesItsGridFromTheFolder() async throws {
            try await withTemporaryFolder { folder in
                let program = try Program(
                    "Orchestrator", ["sweep", "--resume", folder, "--streams", "5", "--seed", "1"], folder: folder)
                #expect(await program.end() == 64)
                #expect(program.log.contains("--streams: stands in the folder"), "\(program.log)")
                #expect(program.log.contains("--seed: stands in the folder"))
                await program.stop()
            }
        }
    }
}
