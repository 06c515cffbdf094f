import TestSupport
import Testing

extension EndToEndTests {
    @Suite struct DrillTests {
        /// A Reader dies with a third of 100 viewers on it; they go on at the others and miss nothing.
        @Test func viewersOfADeadReaderGoOnElsewhere() async throws {
            let line = "drill kill-reader --viewers 100 --streams 10 --rate 20 --out @/report"
            try await withOrchestrator(line) { program, folder in
                #expect(await program.end(within: 90) == 0, "\(program.log)")
                let pass = try #require(try JSON(file: "\(folder)/report/report.json").passes.all.first)
                #expect(pass.marks.all.map(\.kind.text) == ["begin", "end"])
                #expect((15...60).contains(try #require(pass.swarm.viewers.reconnects.int)))
                expectNothingLost(pass.swarm.delivery)
            }
        }

        /// One Reader joins, another leaves with its viewers: everybody gets everything, and nobody else moves.
        @Test func readersJoinAndLeave() async throws {
            let line = "drill join-leave --viewers 300 --streams 40 --rate 20 --readers 3 --out @/report"
            try await withOrchestrator(line) { program, folder in
                #expect(await program.end(within: 120) == 0, "\(program.log)")
                let pass = try #require(try JSON(file: "\(folder)/report/report.json").passes.all.first)
                let changes = pass.changes.all
                try #require(changes.map(\.name.text) == ["reader-4 joins", "reader-1 leaves"])
                #expect(changes[0].viewersMoved.double <= 3)
                #expect((1...changes[1].viewersDue.double + 3).contains(changes[1].viewersMoved.double))
                expectNothingLost(pass.swarm.delivery)
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
