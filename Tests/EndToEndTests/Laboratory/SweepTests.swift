import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEndTests {
    @Suite struct SweepTests {
        /// Two cells; the sweep is interrupted in the second one and goes on where it was.
        @Test func anInterruptedSweepKeepsItsCellsAndGoesOn() async throws {
            let line =
                "sweep --streams 20 --viewers 60 --readers 2,3 --placement random --rate 20 --duration 2 --out @/sweep"
            try await withOrchestrator(line) { program, folder in
                let sweep = "\(folder)/sweep"
                let first = "\(sweep)/cells/20-streams-60-viewers-2-readers-random/report.json"
                let second = "\(sweep)/cells/20-streams-60-viewers-3-readers-random/logs/reader-1.log"
                let begun = await eventually(within: 60) {
                    FileManager.default.fileExists(atPath: first) && FileManager.default.fileExists(atPath: second)
                }
                #expect(begun, "\(program.log)")
                program.signal(SIGINT)
                #expect(await program.end(within: 30) == 130, "\(program.log)")
                await program.stop()
                let half = try JSON(file: "\(sweep)/report.json")
                #expect(half.cells.all.count == 1)
                #expect(half.missing.all.map(\.kind.text) == ["open"])
                let stamp = try FileManager.default.attributesOfItem(atPath: first)[.modificationDate] as? Date

                let more = try orchestrator("sweep --resume @/sweep", folder)
                #expect(await more.end(within: 60) == 0, "\(more.log)")
                await more.stop()
                let whole = try JSON(file: "\(sweep)/report.json")
                #expect(whole.cells.all.count == 2)
                #expect(whole.missing.value != nil && whole.missing.all.isEmpty)
                let after = try FileManager.default.attributesOfItem(atPath: first)[.modificationDate] as? Date
                #expect(stamp == after, "the finished cell was measured again")
                for cell in whole.cells.all {
                    #expect(cell.delivered.double > 0 && cell.lost.int == 0)
                    #expect(cell.measured.subscriptions.double == cell.measured.redisSubscriptions.double)
                    #expect(abs(cell.measured.spread.double - cell.predicted.share.double) < 0.15)
                }
            }
        }

        @Test func resumeTakesItsGridFromTheFolder() async throws {
            try await withOrchestrator("sweep --resume @ --streams 5 --seed 1") { program, _ in
                #expect(await program.end() == 64)
                #expect(program.log.contains("--streams: stands in the folder"), "\(program.log)")
                #expect(program.log.contains("--seed: stands in the folder"))
            }
        }
    }
}
