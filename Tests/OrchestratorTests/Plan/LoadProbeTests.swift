import Audience
import Foundation
import Placement
import Primitives
import Report
import TestSupport
import Testbed
import Testing

@testable import Orchestrator

/// Small loads on real services.
@Suite(.timeLimit(.minutes(2)), .serialized)
struct LoadProbeTests {
    @Test(arguments: [
        ProbeLoad(streams: 2, viewers: 40, rate: 50, seconds: 1),
        ProbeLoad(
            streams: 10, viewers: 60, rate: 50, audience: .zipf(exponent: 1), readers: 2, placement: .overflow,
            seconds: 1),
    ])
    func whatALoadComesToIsMeasured(load: ProbeLoad) async throws {
        let result = try await withTestbed { testbed in
            try await LoadProbe(load: load, capacity: .ofThisMachine()).run(in: testbed)
        }
        #expect(result.report.delivery.isClean)
        #expect(result.readers.count == load.readers)
        let comments = Double(result.report.publishing.acknowledged)
        #expect(comments > 50)
        let reader = result.readers[0]
        let seconds = (reader.published.at - reader.rested.at).seconds
        let events = result.readers.reduce(0) { $0 + $1.published.events - $1.rested.events }
        let delivered = Double(result.report.delivery.delivered)
        // The Readers are asked a moment before and after the generators count.
        #expect((delivered * 0.9...delivered * 1.1).contains(events))
        // A write has at least one event in it; a Reader gets a comment once.
        for reader in result.readers {
            #expect(reader.writesPerSecond > 0 && reader.writesPerSecond <= reader.deliveriesPerSecond)
            #expect(reader.messagesPerSecond * seconds <= comments + 1)
            #expect(reader.cores > 0 && reader.busy > 0 && reader.busy <= 1)
        }
        #expect(result.commentAPI > 0 && result.redis >= 0 && result.generators > 0)
        #expect(result.machine > result.cores)
        #expect((result.p99 ?? 0) > 0)
        if load.readers == 1 {
            #expect(reader.rested.descriptors - reader.empty.descriptors == load.viewers)
            #expect((comments - 5...comments + 0.01).contains(reader.messagesPerSecond * seconds))
        }
    }

    @Test func whatRedisCostsIsMeasured() async throws {
        let costs = try await withTestbed { testbed in
            try await RedisCalibration(seconds: 0.5, progress: .silent).run(in: testbed)
        }
        #expect((0.5...1_000).contains(costs.publishCPUMicroseconds))
        #expect((0.01...100).contains(costs.deliveryCPUMicroseconds))
        #expect((20.0...2_000).contains(costs.subscriptionBytes))
        #expect((100.0...1_000).contains(costs.deliveryBytes))
    }
}
