import Foundation
import Report
import TestSupport
import Testing

extension EndToEndTests {
    @Suite struct PlanTests {
        /// A short calibration of one Reader with 400 viewers, and a plan from it.
        @Test func whatWasCalibratedCanBePlannedWith() async throws {
            try await withTemporaryFolder { folder in
                let file = "\(folder)/calibration.json"
                let program = try Program(
                    "Orchestrator",
                    [
                        "calibrate", "--viewers", "400", "--duration", "1", "--file", file, "--out", "\(folder)/report",
                    ], folder: folder)
                #expect(await program.end(within: 90) == 0, "\(program.log)")
                await program.stop()
                let costs = try Report.read(file)
                func cost(_ name: String) throws -> Double { try #require(costs.value(name), "\(name)") }
                #expect((0.1...10_000).contains(try cost("Reader, an event to a viewer")))
                #expect((100...1_000_000).contains(try cost("Reader, a connection")))
                #expect(try cost("descriptors of a connection") == 1)
                #expect((0.5...1_000).contains(try cost("Redis, a publish with history")))
                #expect((0.01...100).contains(try cost("Redis, a delivery to a Reader")))
                #expect((20...2_000).contains(try cost("Redis, a subscription")))

                let plan = try Program(
                    "Orchestrator",
                    [
                        "plan", "--streams", "100", "--viewers", "10000", "--rate", "1", "--calibration", file, "--out",
                        "\(folder)/plan",
                    ], folder: folder)
                #expect(await plan.end() == 0, "\(plan.log)")
                await plan.stop()
                let report = FileManager.default.contents(atPath: "\(folder)/plan/latest/report.md") ?? Data()
                #expect(String(decoding: report, as: UTF8.self).contains("| overflow |"))
                _ = await eventually(within: 30) { processes(of: folder).isEmpty }
                #expect(processes(of: folder).isEmpty)
            }
        }

        @Test func withoutACalibrationItIsSaidHowToGetOne() async throws {
            try await withTemporaryFolder { folder in
                let plan = try Program(
                    "Orchestrator", ["plan", "--calibration", "\(folder)/none.json"], folder: folder)
                #expect(await plan.end() == 69)
                #expect(plan.log.contains("Orchestrator calibrate --file \(folder)/none.json"), "\(plan.log)")
                await plan.stop()
            }
        }
    }
}
