import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEndTests {
    @Suite struct OrchestratorTests {
        /// The report of a run that ended well.
        private func goodReport(_ program: Program, _ folder: String, viewers: Int, readers: Int) async throws -> JSON {
            #expect(await program.end(within: 90) == 0, "\(program.log)")
            let report = try JSON(file: "\(folder)/report/report.json")
            #expect(report.schema.int != nil && report.connections.wanted.int != nil)
            #expect(report.connections.connected.int == viewers)
            #expect(report.connections.failed.int == 0)
            #expect(report.readers.all.count == readers)
            #expect(report.readers.all.reduce(0) { $0 + $1.viewers.double } == Double(viewers))
            expectNothingLost(report.swarm.delivery)
            #expect(report.swarm.delivery.delivered.int == report.swarm.delivery.expected.int)
            #expect(
                report.spread.redisSubscriptions.double == report.spread.subscriptions.double,
                "Redis's own count agrees with the reported one")
            #expect(FileManager.default.fileExists(atPath: "\(folder)/report/report.md"))
            return report
        }

        @Test func aSmallCrowdLosesNothingAndNothingIsLeft() async throws {
            let line =
                "run --out @/report --streams 10 --viewers 100 --readers 2 --duration 5 --rate 20 --seed 1 --audience uniform"
            try await withOrchestrator(line) { program, folder in
                let report = try await goodReport(program, folder, viewers: 100, readers: 2)
                #expect(report.spread.channels.int == 10)
            }
        }

        /// The reference run at a fifth of its size: the spread is what the formula says.
        @Test func theReferenceShapeSpreadsAsTheFormulaSays() async throws {
            let line =
                "run --out @/report --preset reference --streams 50 --viewers 600 --readers 3 --duration 3 --rate 30 --seed 1"
            try await withOrchestrator(line) { program, folder in
                let spread = try await goodReport(program, folder, viewers: 600, readers: 3).spread
                #expect(spread.channels.int == 50)
                #expect(abs(spread.meanShare.double - spread.predicted.share.double) < 0.06)
                #expect((0.7...0.95).contains(spread.meanShare.double), "\(spread.meanShare.double)")
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

        @Test func badArgumentsAreToldAtOnce() async throws {
            let line = "run --out @/report --streams none --rate -1 --audience crowd"
            try await withOrchestrator(line) { program, folder in
                #expect(await program.end() == 64)
                for option in ["--streams", "--rate", "--audience"] {
                    #expect(program.log.contains(option), "\(program.log)")
                }
                #expect(!FileManager.default.fileExists(atPath: "\(folder)/report/report.json"))
            }
        }
    }
}
