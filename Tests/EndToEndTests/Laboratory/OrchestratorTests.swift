import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEndTests {
    @Suite struct OrchestratorTests {
        /// The parts of `report.json` that say whether a run was good.
        private struct Report: Decodable {
            struct Connections: Decodable {
                var wanted: Int
                var connected: Int
                var failed: Int
            }
            struct Reader: Decodable {
                var viewers: Int
            }
            struct Spread: Decodable {
                struct Predicted: Decodable {
                    var share: Double
                }
                var channels: Int
                var meanShare: Double
                var predicted: Predicted
                var subscriptions: Int
                var redisSubscriptions: Int
            }
            struct Swarm: Decodable {
                struct Delivery: Decodable {
                    var delivered: Int
                    var expected: Int
                    var lost: Int
                    var repeated: Int
                    var reordered: Int
                    var toldMissing: Int
                }
                var delivery: Delivery
            }

            var schema: Int
            var connections: Connections
            var readers: [Reader]
            var spread: Spread
            var swarm: Swarm
        }

        /// Runs the Orchestrator with a folder of its own, and makes sure that nothing of it is left afterwards.
        private func run(
            _ arguments: [String], _ body: (Program, String) async throws -> Void
        ) async throws {
            try await withTemporaryFolder { folder in
                let program = try Program(
                    "Orchestrator", ["run", "--out", "\(folder)/report"] + arguments, folder: folder)
                do {
                    try await body(program, "\(folder)/report")
                } catch {
                    await program.stop()
                    throw error
                }
                await program.stop()
                _ = await eventually(within: 30) { processes(of: folder).isEmpty }
                #expect(processes(of: folder).isEmpty, "\(program.log)")
            }
        }

        private func expectNothingLost(_ program: Program, _ folder: String, viewers: Int, readers: Int) async throws
            -> Report
        {
            #expect(await program.end(within: 90) == 0, "\(program.log)")
            let json = try #require(FileManager.default.contents(atPath: "\(folder)/report.json"))
            let report = try JSONDecoder().decode(Report.self, from: json)
            #expect(report.connections.connected == viewers)
            #expect(report.connections.failed == 0)
            #expect(report.readers.count == readers)
            #expect(report.readers.reduce(0) { $0 + $1.viewers } == viewers)
            let delivery = report.swarm.delivery
            #expect(delivery.delivered > 0)
            #expect(delivery.delivered == delivery.expected)
            #expect(delivery.lost + delivery.repeated + delivery.reordered + delivery.toldMissing == 0)
            #expect(
                report.spread.redisSubscriptions == report.spread.subscriptions,
                "Redis's own count agrees with the reported one")
            #expect(FileManager.default.fileExists(atPath: "\(folder)/report.md"))
            return report
        }

        @Test func aSmallCrowdLosesNothingAndNothingIsLeft() async throws {
            let arguments = [
                "--streams", "10", "--viewers", "100", "--readers", "2", "--duration", "5", "--rate", "20", "--seed",
                "1",
                "--audience", "uniform",
            ]
            try await run(arguments) { program, folder in
                let report = try await expectNothingLost(program, folder, viewers: 100, readers: 2)
                #expect(report.spread.channels == 10)
            }
        }

        /// The reference run at a fifth of its size: the spread is what the formula says.
        @Test func theReferenceShapeSpreadsAsTheFormulaSays() async throws {
            let arguments = [
                "--preset", "reference", "--streams", "50", "--viewers", "600", "--readers", "3", "--duration", "3",
                "--rate", "30",
                "--seed", "1",
            ]
            try await run(arguments) { program, folder in
                let report = try await expectNothingLost(program, folder, viewers: 600, readers: 3)
                #expect(report.spread.channels == 50)
                #expect(abs(report.spread.meanShare - report.spread.predicted.share) < 0.06)
                #expect((0.7...0.95).contains(report.spread.meanShare), "\(report.spread.meanShare)")
            }
        }

        @Test func ctrlCStopsEverything() async throws {
            try await run([
                "--streams", "5", "--viewers", "20", "--readers", "2", "--duration", "600", "--audience", "uniform",
            ]) { program, _ in
                #expect(await eventually(within: 60) { program.log.contains("publishing") })
                program.signal(SIGINT)
                #expect(await program.end(within: 60) == 130, "\(program.log)")
            }
        }

        @Test func badArgumentsAreToldAtOnce() async throws {
            try await run(["--streams", "none", "--rate", "-1", "--audience", "crowd"]) { program, folder in
                #expect(await program.end() == 64)
                for option in ["--streams", "--rate", "--audience"] {
                    #expect(program.log.contains(option), "\(program.log)")
                }
                #expect(!FileManager.default.fileExists(atPath: "\(folder)/report.json"))
            }
        }
    }
}
