import Primitives
import TestSupport
import Testbed
import Testing

@testable import Orchestrator

@Suite(.timeLimit(.minutes(2)))
struct FaultInjectorTests {
    /// A comment has to be acknowledged, and then every viewer has to have everything; either wait that is in vain says so.
    @Test func whoIsWholeIsAskedOfCommentsAndOfViewers() async throws {
        try await withTestbed { testbed in
            var setup = ExperimentSetup()
            (setup.commentAPIs, setup.hasStatistics) = (1, false)
            let services = try await Services.start(setup, in: testbed)
            let whole = Mutex(-1.0)
            let injector = FaultInjector(
                services: services, progress: .silent, seconds: { 7 },
                crowd: { DrillResult.Sample(wholeThrough: whole.withLock { $0 }) }, log: { _ in })
            func outcome() async -> (milliseconds: Int?, failure: Failure?) {
                let start = ContinuousClock.now
                do {
                    return (try await injector.untilWhole("v", since: start, within: .seconds(1)), nil)
                } catch {
                    return (nil, error as? Failure)
                }
            }
            #expect(await outcome().failure == .unavailable("not every viewer had everything within 1 s after that"))
            whole.withLock { $0 = 7 }
            #expect((await outcome().milliseconds).map { (0...1_000).contains($0) } == true)
            await services.redis.kill()
            #expect(await outcome().failure == .unavailable("no comment on v was acknowledged within 1 s"))
        }
    }
}
