import Foundation
import TestSupport
import Testing

extension EndToEndTests {
    @Suite struct PlanTests {
        private struct Calibration: Decodable {
            struct Reader: Decodable {
                var deliveryCPUMicroseconds: Double
                var connectionBytes: Double
                var descriptorsPerConnection: Double
            }
            struct Redis: Decodable {
                var publishCPUMicroseconds: Double
                var deliveryCPUMicroseconds: Double
                var subscriptionBytes: Double
            }
            var reader: Reader
            var redis: Redis
        }

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
                let json = try #require(FileManager.default.contents(atPath: file))
                let costs = try JSONDecoder().decode(Calibration.self, from: json)
                #expect((0.1...10_000).contains(costs.reader.deliveryCPUMicroseconds))
                #expect((100...1_000_000).contains(costs.reader.connectionBytes))
                #expect(costs.reader.descriptorsPerConnection == 1)
                #expect((0.5...1_000).contains(costs.redis.publishCPUMicroseconds))
                #expect((0.01...100).contains(costs.redis.deliveryCPUMicroseconds))
                #expect((20...2_000).contains(costs.redis.subscriptionBytes))

                let plan = try Program(
                    "Orchestrator",
                    [
                        "plan", "--streams", "100", "--viewers", "10000", "--rate", "1", "--calibration", file, "--out",
                        "\(folder)/plan",
                    ], folder: folder)
                #expect(await plan.end() == 0, "\(plan.log)")
                await plan.stop()
                let report = FileManager.default.contents(atPath: "\(folder)/plan/report.md") ?? Data()
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
