import InMemory
import Placement
import RedisNIO
import TestSupport
import Testbed
import Testing
import Wire

@testable import Broker

/// The same seeded operations on Redis and in memory give the same positions and the same pages, epochs aside.
@Suite struct EquivalenceTests {
    private enum Operation {
        case publish, read, remove, evict, replace, restart, loseEverything
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func redisAndMemoryAgree(seed: UInt64) async throws {
        try await withBroker(.init(appendOnly: .always)) { redis, broker in
            var random = SplitMix64(seed: seed)
            var store = InMemoryStore()
            var acknowledged = AcknowledgedPositions()
            for step in 0..<150 {
                let channel = video("v\(Int.random(in: 0..<3, using: &random))")
                switch operation(&random) {
                case .publish:
                    for number in 0..<Int.random(in: 1...8, using: &random) {
                        let position = try await broker.publish(payload(number), to: channel)
                        let modelled = store.append(
                            payload(number), to: channel, known: acknowledged[channel],
                            clock: position.offset / PositionRule.restartStep
                        ).position
                        #expect(modelled.offset == position.offset)
                        acknowledged.acknowledged(modelled, in: channel)
                    }
                case .read:
                    try await compare(broker, store, channel, &random, step: step)
                case .remove:
                    let offset = store.position(of: channel).map {
                        UInt64.random(in: 0...min($0.offset, 50), using: &random)
                    }
                    // The first entry's neighbourhood is the one place where a removal looks like a trim.
                    guard let offset, offset > 1 else { continue }
                    guard let there = try await broker.position(of: channel), let own = store.position(of: channel)
                    else { continue }
                    let isGone = try await broker.remove(
                        Position(offset: offset, epoch: there.epoch), from: channel)
                    #expect(store.remove(Position(offset: offset, epoch: own.epoch), from: channel) == isGone)
                case .evict:
                    try redis.command("DEL", channel.historyKey)
                    store.evictHistory(of: channel)
                case .replace:
                    guard store.position(of: channel) != nil else { continue }
                    try redis.command("SET", channel.historyKey, "something else")
                    store.replaceHistory(of: channel)
                case .restart:
                    await redis.kill()
                    try await redis.start()
                    store.restart()
                    try await waitUntilBack(broker)
                case .loseEverything:
                    try redis.command("FLUSHALL")
                    store.loseEverything(restarted: false)
                }
            }
        }
    }

    private func operation(_ random: inout SplitMix64) -> Operation {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<55: .publish
        case 55..<85: .read
        case 85..<92: .remove
        case 92..<94: .evict
        case 94: .replace
        case 95..<98: .restart
        default: .loseEverything
        }
    }

    private func compare(
        _ broker: RedisBroker, _ store: InMemoryStore, _ channel: Channel, _ random: inout SplitMix64, step: Int
    ) async throws {
        let newest = store.position(of: channel)?.offset ?? 0
        let after = Bool.random(using: &random) ? UInt64.random(in: 0...20, using: &random) : newest - min(newest, 4)
        let through = Bool.random(using: &random) ? nil : after + UInt64.random(in: 0...10, using: &random)
        let limit = Int.random(in: 1...30, using: &random)
        let page = try await broker.history(of: channel, after: after, through: through, limit: limit)
        let model = store.history(of: channel, after: after, through: through, limit: limit)
        let asked: Testing.Comment =
            "step \(step): \(channel) after \(after) through \(String(describing: through)) limit \(limit)"
        #expect(page.position?.offset == model.position?.offset, asked)
        #expect(page.entries.map(\.offset) == model.entries.map(\.offset), asked)
        #expect(page.missing == model.missing, asked)
        #expect(page.isCut == model.isCut, asked)
        #expect(try await broker.position(of: channel)?.offset == model.position?.offset, asked)
        let latest = try await broker.latest(of: channel, before: through, limit: limit)
        let modelled = store.latest(of: channel, before: through, limit: limit)
        #expect(latest.map(\.position.offset) == modelled.map(\.position.offset), asked)
        #expect(latest.map(\.payload) == modelled.map(\.payload), asked)
        let key = EventKey(suffix: Array("{\"n\":\(limit % 8)}\n\n".utf8))
        let found = try await broker.find(key, in: channel)
        #expect(found?.position.offset == store.find([key], in: channel)?.position.offset, asked)
    }

    /// All connections of the killed server must be gone before the sequence goes on: a publish must not fail here.
    private func waitUntilBack(_ broker: RedisBroker) async throws {
        #expect(
            await eventually {
                for _ in 0..<4 { _ = try await broker.position(of: video("v0")) }
                return true
            })
    }
}
