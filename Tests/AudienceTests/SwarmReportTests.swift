import Audience
import Foundation
import Testing

@Suite struct SwarmReportTests {
    func makeReport(shard: String, seed: UInt64 = 1, latency: Int64 = 1000, factor: Int = 1) throws -> SwarmReport {
        var histogram = LatencyHistogram()
        histogram.record(microseconds: latency, count: 10)
        var delivery = DeliveryCounts()
        delivery.delivered = 100 * factor
        delivery.expected = 101 * factor
        delivery.lost = factor
        delivery.gaps = 3 * factor
        return SwarmReport(
            parameters: .init(
                streams: 100, viewers: 2500, audience: .zipf(exponent: 1), seed: seed, rate: 50, durationSeconds: 20),
            shard: try Shard.parse(shard),
            viewers: .init(wanted: 10 * factor, connected: 9 * factor, failed: factor, connectSeconds: Double(factor)),
            publishing: .init(
                offered: 5 * factor, started: 4 * factor, acknowledged: 3 * factor, failed: factor, dropped: factor),
            delivery: delivery, latency: histogram, bytesReceived: 1000 * factor,
            process: .init(cpuSeconds: 1, loopBusyShare: 0.1 * Double(factor), residentBytesMax: 5 * factor),
            generatorLimited: factor > 1)
    }

    @Test func reportsAreReadBack() throws {
        let report = try makeReport(shard: "0/2")
        let read = try JSONDecoder().decode(SwarmReport.self, from: JSONEncoder().encode(report))
        #expect(read == report && read.version == 1 && read.latencyMilliseconds.p99 == 1)
    }

    @Test func mergingAddsAndTakesTheLarger() throws {
        let first = try makeReport(shard: "0/2")
        let second = try makeReport(shard: "1/2", latency: 9000, factor: 2)
        let merged = try SwarmReport.merged([first, second])
        #expect(merged == (try second.merged(with: first)))
        #expect(merged.shards.map(\.description) == ["0/2", "1/2"])
        #expect(merged.viewers == .init(wanted: 30, connected: 27, failed: 3, connectSeconds: 2))
        #expect(merged.publishing.offered == 15 && merged.delivery.delivered == 300)
        #expect(merged.delivery.gaps == 9 && merged.delivery.lost == 3 && merged.bytesReceived == 3000)
        #expect(merged.process == .init(cpuSeconds: 2, loopBusyShare: 0.2, residentBytesMax: 15))
        #expect(merged.generatorLimited && merged.latencyHistogram.count == 20)
        #expect(merged.latencyMilliseconds.p50 == 1 && merged.latencyMilliseconds.max == 9)
    }

    @Test func partsOfDifferentRunsDoNotMerge() throws {
        func code(_ reports: [SwarmReport]) -> SwarmReport.MergeError.Code? {
            do {
                _ = try SwarmReport.merged(reports)
                return nil
            } catch {
                return error.code
            }
        }
        let first = try makeReport(shard: "0/2")
        #expect(code([first, try makeReport(shard: "1/2", seed: 2)]) == .parametersDiffer)
        #expect(code([first, first]) == .shardTwice)
        #expect(code([first, try makeReport(shard: "1/3")]) == .shardTwice)
        #expect(code([]) == .nothingToMerge && code([first]) == nil)
    }
}
