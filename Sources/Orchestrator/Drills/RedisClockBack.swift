import Foundation
import RedisNIO
import Testbed

/// Redis's clock is set right, a minute back. The machine's own stays as it is: Redis is started with a library that
/// stands before the C library's clock and reads its error from a file.
extension Drill {
    static let redisClockBack = Drill(
        name: "redis-clock-back",
        story: "Redis's clock steps back by a minute while people like photos: counts go on at once.", crowd: .likes,
        redis: .server,
        arrange: { setup, _ in
            setup.redis = { testbed in
                let file = clockFile(testbed)
                try setClock(file, 0)
                let library = try testbed.binaries.own("libClockStep.so", product: "ClockStep")
                return RedisOptions(environment: ["LD_PRELOAD": library, "CLOCK_STEP_FILE": file])
            }
        }
    ) { fault in
        let before = try await seconds(fault)
        fault.tell(.begin, "Redis's clock goes back by 60 s")
        try setClock(clockFile(fault.testbed), -60)
        fault.note("seconds that Redis's clock went back", before - (try await seconds(fault)), needed: 50...60)
        fault.tell(.end, "it is a minute late from now on")
    }

    private static func clockFile(_ testbed: Testbed) -> String { "\(testbed.folders.data)/clock" }

    /// The file is mapped: it is written in its place, and never shorter, not even for a moment.
    private static func setClock(_ file: String, _ seconds: Int64) throws {
        let data = withUnsafeBytes(of: seconds) { Data($0) }
        guard FileManager.default.fileExists(atPath: file) else {
            return try data.write(to: URL(fileURLWithPath: file))
        }
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: file))
        try handle.write(contentsOf: data)
        try handle.close()
    }

    private static func seconds(_ fault: FaultInjector) async throws -> Int {
        try await fault.redis("TIME").array?.first?.text.flatMap { Int($0) } ?? 0
    }
}
