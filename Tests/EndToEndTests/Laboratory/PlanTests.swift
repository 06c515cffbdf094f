import Foundation
import Report
import TestSupport
import Testing

extension EndToEndTests {
    @Suite struct PlanTests {
        /// A short calibration with at most 400 viewers, and a plan from it. Noise may hide a cost of so little work, and then
        /// it says so and there is nothing to plan with.
        @Test func whatWasCalibratedCanBePlannedWith() async throws {
            let line = "calibrate --viewers 400 --duration 1 --file @/calibration.json --out @/report"
            try await withOrchestrator(line) { program, folder in
                let code = await program.end(within: 300)
                #expect(code == 0 || code == 69, "\(program.log)")
                let costs = try Report.read("\(folder)/report/latest")
                #expect(costs.tables.first?.rows.count == 23)
                #expect(costs.verdict.checks.map(\.passed) == (code == 0 ? [true, true, true] : [true, false, true]))
                let expected: [(String, ClosedRange<Double>)] = [
                    ("Reader, a connection", 100...1_000_000), ("CommentAPI, a comment", 10...10_000),
                    ("descriptors of a connection", 1...1), ("Redis, a publish with history", 0.5...1_000),
                    ("Redis, a delivery to a Reader", 0.01...100), ("Redis, a subscription", 20...2_000),
                ]
                for (name, range) in expected {
                    #expect(range.contains(try #require(costs.value(name), "\(name)")), "\(name)")
                }
                #expect(FileManager.default.fileExists(atPath: "\(folder)/calibration.json") == (code == 0))
                guard code == 0 else { return }
                let plan = try await orchestrator(
                    "plan --streams 100 --viewers 10000 --rate 1 --extrapolate --calibration @/calibration.json --out @/plan",
                    folder)
                #expect(await plan.end() == 0, "\(plan.log)")
                await plan.stop()
                let report = FileManager.default.contents(atPath: "\(folder)/plan/latest/report.md") ?? Data()
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
