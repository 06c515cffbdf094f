import TestSupport
import Testbed
import Testing

@testable import Orchestrator

@Suite(.timeLimit(.minutes(2)), .serialized)
struct ServicesTests {
    /// One after the other they would need as many times the time of one.
    @Test func manyReadersStopInTheTimeOfOne() async throws {
        try await withTestbed { testbed in
            var setup = ExperimentSetup()
            setup.readers = 12
            let services = try await Services.start(setup, in: testbed)
            let clock = ContinuousClock()
            let one = await clock.measure { await services.readers[0].stop() }
            let others = services.readers.dropFirst().compactMap(\.child)
            let all = await clock.measure { await testbed.supervisor.stop(others) }
            #expect(services.readers.allSatisfy { $0.child?.exit == .code(0) })
            #expect(all < one * 5, "one took \(one)")
        }
    }
}
