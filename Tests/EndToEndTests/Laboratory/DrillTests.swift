import Foundation
import Report
import TestSupport
import Testing

extension EndToEndTests {
    @Suite struct DrillTests {
        private func expectNothingWrong(_ report: Report) {
            #expect(report.value("delivered") ?? 0 > 0)
            for name in ["lost", "repeated", "out of order", "told missing"] { #expect(report.value(name) == 0) }
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
                let report = try Report.read("\(folder)/report/latest")
                let marks = report.tables.first?.rows.map { $0[1].prefix { $0 != ":" } }
                #expect(marks == ["begin", "end", "every viewer is connected and has everything"])
                #expect((15...60).contains(report.value("viewers reconnected") ?? 0))
                expectNothingWrong(report)
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
                let report = try Report.read("\(folder)/report/latest")
                #expect(try #require(report.value("viewers moved", scope: "reader-4 joins")) <= 3)
                let due = try #require(report.value("viewers who had to", scope: "reader-1 leaves"))
                let moved = try #require(report.value("viewers moved", scope: "reader-1 leaves"))
                #expect((1...due + 3).contains(moved))
                expectNothingWrong(report)
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
