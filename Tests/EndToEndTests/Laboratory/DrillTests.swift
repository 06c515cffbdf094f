import Report
import TestSupport
import Testing

extension EndToEndTests {
    @Suite struct DrillTests {
        /// A Reader dies with a third of 100 viewers on it; they go on at the others and miss nothing.
        @Test func viewersOfADeadReaderGoOnElsewhere() async throws {
            let line = "drill kill-reader --viewers 100 --streams 10 --rate 20 --out @/report"
            try await withOrchestrator(line) { program, folder in
                #expect(await program.end(within: 90) == 0, "\(program.log)")
                let report = try Report.read("\(folder)/report/latest")
                let marks = report.tables.first?.rows.map { $0[1].prefix { $0 != ":" } }
                #expect(marks == ["begin", "end", "every viewer is connected and has everything"])
                #expect((15...60).contains(report.value("viewers reconnected") ?? 0))
                expectNothingLost(report)
            }
        }

        /// One Reader joins, another leaves with its viewers: everybody gets everything, and nobody else moves.
        @Test func readersJoinAndLeave() async throws {
            let line = "drill join-leave --viewers 300 --streams 40 --rate 20 --readers 3 --out @/report"
            try await withOrchestrator(line) { program, folder in
                #expect(await program.end(within: 120) == 0, "\(program.log)")
                let report = try Report.read("\(folder)/report/latest")
                #expect(try #require(report.value("viewers moved", scope: "reader-4 joins")) <= 3)
                let due = try #require(report.value("viewers who had to", scope: "reader-1 leaves"))
                let moved = try #require(report.value("viewers moved", scope: "reader-1 leaves"))
                #expect((1...due + 3).contains(moved))
                expectNothingLost(report)
            }
        }

        /// Slots move from one master to another under 100 viewers, who miss nothing.
        @Test func slotsMoveUnderViewers() async throws {
            let line = "drill reshard --viewers 100 --streams 30 --rate 20 --readers 2 --out @/report"
            try await withOrchestrator(line) { program, folder in
                // 65: a machine that is busy is late.
                #expect([0, 65].contains(await program.end(within: 120)), "\(program.log)")
                let report = try Report.read("\(folder)/report/latest")
                for name in ["took place", "audit"] {
                    #expect(report.verdict.checks.contains { $0.name == name && $0.passed }, "\(program.log)")
                }
                #expect(report.value("number", scope: "channels that moved") ?? 0 > 0)
                expectNothingLost(report)
            }
        }

        @Test func anUnknownDrillIsToldAtOnce() async throws {
            try await withOrchestrator("drill flood --out @/report") { program, _ in
                #expect(await program.end() == 64)
                #expect(program.log.contains("kill-reader"), "\(program.log)")
            }
        }
    }
}
