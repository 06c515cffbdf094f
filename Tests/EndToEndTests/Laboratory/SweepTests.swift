import Foundation
import Glibc
import Report
import TestSupport
import Testing

extension EndToEndTests {
    @Suite struct SweepTests {
        /// Two cells; the sweep is interrupted in the second one and goes on where it was.
        @Test func anInterruptedSweepKeepsItsCellsAndGoesOn() async throws {
            let line =
                "sweep --streams 20 --viewers 60 --readers 2,3 --placement random --rate 20 --duration 2 --out @/report"
            try await withOrchestrator(line) { program, folder in
                let sweep = "\(folder)/report/latest"
                let first = "\(sweep)/cells/20-streams-60-viewers-2-readers-random/report.json"
                let second = "\(sweep)/cells/20-streams-60-viewers-3-readers-random/logs/reader-1.log"
                let begun = await eventually(within: 60) {
                    FileManager.default.fileExists(atPath: first) && FileManager.default.fileExists(atPath: second)
                }
                #expect(begun, "\(program.log)")
                program.signal(SIGINT)
                #expect(await program.end(within: 30) == 130, "\(program.log)")
                await program.stop()
                let half = try Report.read(sweep)
                #expect(half.metrics.filter { $0.name == "spread" }.count == 1)
                #expect(half.tables.first?.rows.map { $0[1] } == ["open"])
                let stamp = try FileManager.default.attributesOfItem(atPath: first)[.modificationDate] as? Date

                let more = try await orchestrator("sweep --resume @/report/latest", folder)
                let status = await more.end(within: 60)
                await more.stop()
                let whole = try Report.read(sweep)
                // A busy machine may fail a cell for that one reason.
                let isBusy = status == 65 && whole.verdict.reason.contains("the simulated viewers were the bottleneck")
                #expect(status == 0 || isBusy, "\(more.log)")
                let cells = whole.metrics.filter { $0.name == "spread" }
                #expect(cells.count == 2 && (whole.verdict.status == .fine || isBusy))
                #expect(whole.tables.first?.rows.isEmpty == true)
                let after = try FileManager.default.attributesOfItem(atPath: first)[.modificationDate] as? Date
                #expect(stamp == after, "the finished cell was measured again")
                for cell in cells {
                    func value(_ name: String) -> Double { whole.value(name, scope: cell.scope) ?? .nan }
                    #expect(value("delivered") > 0 && value("lost") == 0)
                    #expect(value("subscriptions in Redis") == value("subscriptions"))
                    #expect(abs(cell.value - value("spread predicted")) < 15)
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
