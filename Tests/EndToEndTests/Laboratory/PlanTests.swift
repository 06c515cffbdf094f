import Foundation
import TestSupport
import Testing

extension EndToEndTests {
    @Suite struct PlanTests {
        /// A short calibration of one Reader with 400 viewers, and a plan from it.
        @Test func whatWasCalibratedCanBePlannedWith() async throws {
            let line = "calibrate --viewers 400 --duration 1 --file @/calibration.json --out @/report"
            try await withOrchestrator(line) { program, folder in
                #expect(await program.end(within: 90) == 0, "\(program.log)")
                let costs = try JSON(file: "\(folder)/calibration.json")
                #expect((0.1...10_000).contains(costs.reader.deliveryCPUMicroseconds.double))
                #expect((100...1_000_000).contains(costs.reader.connectionBytes.double))
                #expect(costs.reader.descriptorsPerConnection.double == 1)
                #expect((0.5...1_000).contains(costs.redis.publishCPUMicroseconds.double))
                #expect((0.01...100).contains(costs.redis.deliveryCPUMicroseconds.double))
                #expect((20...2_000).contains(costs.redis.subscriptionBytes.double))

                let plan = try orchestrator(
                    "plan --streams 100 --viewers 10000 --rate 1 --calibration @/calibration.json --out @/plan", folder)
                #expect(await plan.end() == 0, "\(plan.log)")
                await plan.stop()
                let report = FileManager.default.contents(atPath: "\(folder)/plan/report.md") ?? Data()
                #expect(String(decoding: report, as: UTF8.self).contains("| overflow |"))
            }
        }

        @Test func withoutACalibrationItIsSaidHowToGetOne() async throws {
            try await withOrchestrator("plan --calibration @/none.json") { plan, folder in
                #expect(await plan.end() == 69)
                #expect(plan.log.contains("Orchestrator calibrate --file \(folder)/none.json"), "\(plan.log)")
            }
        }
    }
}
