import Foundation
import TestSupport
import Testing

extension EndToEndTests {
    @Suite struct DrillTests {
        private struct Report: Decodable {
            struct Pass: Decodable {
                struct Swarm: Decodable {
                    struct Viewers: Decodable {
                        var reconnects: Int
                    }
                    struct Delivery: Decodable {
                        var delivered: Int
                        var lost: Int
                        var repeated: Int
                        var reordered: Int
                        var toldMissing: Int
                    }
                    var viewers: Viewers
                    var delivery: Delivery
                }
                struct Mark: Decodable {
                    var kind: String
                }
                var swarm: Swarm
                struct Change: Decodable {
                    var name: String
                    var viewersMoved: Int
                    var viewersDue: Int
                }
                var marks: [Mark]
                var changes: [Change]?
            }
            var passes: [Pass]
        }

        /// A Reader dies with a third of 100 viewers on it; they go on at the others and miss nothing.
        @Test func viewersOfADeadReaderGoOnElsewhere() async throws {
            try await withTemporaryFolder { folder in
                let program = try Program(
                    "Orchestrator",
                    [
                        "drill", "kill-reader", "--viewers", "100", "--streams", "10", "--rate", "20", "--out",
                        "\(folder)/report",
                    ], folder: folder)
                let status = await program.end(within: 90)
                await program.stop()
                #expect(status == 0, "\(program.log)")
                let json = try #require(FileManager.default.contents(atPath: "\(folder)/report/report.json"))
                let pass = try #require(try JSONDecoder().decode(Report.self, from: json).passes.first)
                #expect(pass.marks.map(\.kind) == ["begin", "end"])
                #expect((15...60).contains(pass.swarm.viewers.reconnects))
                let delivery = pass.swarm.delivery
                #expect(delivery.delivered > 0)
                #expect(delivery.lost + delivery.repeated + delivery.reordered + delivery.toldMissing == 0)
                _ = await eventually(within: 30) { processes(of: folder).isEmpty }
                #expect(processes(of: folder).isEmpty, "\(program.log)")
            }
        }

        /// One Reader joins, another leaves with its viewers: everybody gets everything, and nobody else moves.
        @Test func readersJoinAndLeave() async throws {
            try await withTemporaryFolder { folder in
                let program = try Program(
                    "Orchestrator",
                    [
                        "drill", "join-leave", "--viewers", "300", "--streams", "40", "--rate", "20", "--readers", "3",
                        "--out", "\(folder)/report",
                    ], folder: folder)
                let status = await program.end(within: 120)
                await program.stop()
                #expect(status == 0, "\(program.log)")
                let json = try #require(FileManager.default.contents(atPath: "\(folder)/report/report.json"))
                let pass = try #require(try JSONDecoder().decode(Report.self, from: json).passes.first)
                let changes = try #require(pass.changes)
                #expect(changes.map(\.name) == ["reader-4 joins", "reader-1 leaves"])
                #expect(changes[0].viewersMoved <= 3)
                #expect((1...changes[1].viewersDue + 3).contains(changes[1].viewersMoved))
                let delivery = pass.swarm.delivery
                #expect(delivery.delivered > 0)
                #expect(delivery.lost + delivery.repeated + delivery.reordered + delivery.toldMissing == 0)
            }
        }

        @Test func anUnknownDrillIsToldAtOnce() async throws {
            try await withTemporaryFolder { folder in
                let program = try Program(
                    "Orchestrator", ["drill", "flood", "--out", "\(folder)/report"], folder: folder)
                #expect(await program.end() == 64)
                #expect(program.log.contains("kill-reader"), "\(program.log)")
                await program.stop()
            }
        }
    }
}
