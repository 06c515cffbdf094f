import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEndTests {
    @Suite struct PlanTests {
        /// It takes minutes: what is measured is tested load by load (`LoadProbeTests`). An interrupt ends it, and no file is
        /// written that plans could be made with.
        @Test func anInterruptedCalibrationIsNoCalibration() async throws {
            let line = "calibrate --viewers 400 --duration 1 --file @/calibration.json --out @/report"
            try await withOrchestrator(line) { program, folder in
                #expect(await eventually(within: 60) { program.log.contains("Reader 2 of 23") }, "\(program.log)")
                program.signal(SIGINT)
                #expect(await program.end(within: 60) == 130, "\(program.log)")
                #expect(!FileManager.default.fileExists(atPath: "\(folder)/calibration.json"))
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
