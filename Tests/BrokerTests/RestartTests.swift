import RedisNIO
import TestSupport
import Testbed
import Testing
import Wire

@testable import Broker

/// Redis with an append-only file, killed and started again: positions are never used twice, gaps are true.
@Suite struct RestartTests {
    private let options = RedisOptions(appendOnly: .always)

    /// An older command ends the connection by its time limit; Redis has the younger ones in its socket, and runs them.
    @Test func whatWasSentBeforeTheEndMayBePublished() async throws {
        try await withBroker(options) { redis, broker in
            _ = try await broker.publish(payload(0), to: video("v"))
            redis.pause()
            let codes = await withTaskGroup(of: BrokerError.Code?.self) { group in
                for number in 1...20 {
                    group.addTask {
                        try? await Task.sleep(for: .milliseconds(number * 40))
                        do throws(BrokerError) {
                            _ = try await broker.publish(payload(number), to: video("v"))
                            return nil
                        } catch {
                            return error.code
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            redis.resume()
            let unknown = codes.count { $0 == .timeout }
            #expect(unknown > 0 && codes.allSatisfy { $0 == .timeout || $0 == .unavailable }, "\(codes)")
            #expect(
                await eventually {
                    try await broker.history(of: video("v"), after: 0, through: nil, limit: 100).entries.count
                        == unknown + 1
                }, "\(codes)")
        }
    }

    @Test func restartWithoutLossJumpsAndMissesNothing() async throws {
        try await withBroker(options) { redis, broker in
            for number in 1...10 { _ = try await broker.publish(payload(number), to: video("v")) }
            let before = try #require(try await broker.position(of: video("v")))
            await redis.kill()
            try await redis.start()
            let after = try await publishWhenBack(broker, payload(11))
            #expect(after.epoch == before.epoch)
            #expect(after.offset > before.offset + PositionRule.restartStep)
            #expect((after.offset - before.offset) % PositionRule.restartStep == 1, "a step is left out, and no event")
            let page = try await broker.history(of: video("v"), after: 4, through: nil, limit: 100)
            #expect(page.missing.isEmpty)
            #expect(page.entries.map(\.offset) == [5, 6, 7, 8, 9, 10, after.offset])
            #expect(try await broker.publish(payload(12), to: video("v")).offset == after.offset + 1)
            let live = try await broker.history(of: video("v"), after: 10, through: after.offset - 1, limit: 100)
            #expect(live.missing.isEmpty && live.entries.isEmpty)
        }
    }

    /// The file is cut back by hand to what it was some comments ago: what a power failure does.
    @Test func restartWithLossReusesNoOffsetAndTellsTheGap() async throws {
        try await withBroker(options) { redis, broker in
            for number in 1...10 { _ = try await broker.publish(payload(number), to: video("v")) }
            let kept = try await fileSize(redis)
            for number in 11...15 { _ = try await broker.publish(payload(number), to: video("v")) }
            let before = try #require(try await broker.position(of: video("v")))
            await redis.kill()
            try truncateFile(redis, to: kept)
            try await redis.start()
            #expect(await eventually { (try? await broker.position(of: video("v"))) ?? nil != nil })
            #expect(try await broker.position(of: video("v"))?.offset == 10)

            let after = try await publishWhenBack(broker, payload(16))
            #expect(after.epoch == before.epoch)
            #expect(after.offset > before.offset, "an offset that viewers have seen must not come again")
            let page = try await broker.history(of: video("v"), after: 8, through: nil, limit: 100)
            #expect(page.entries.map(\.offset) == [9, 10, after.offset])
            #expect(page.missing == [11...15])
            // A Reader that had delivered all fifteen misses nothing.
            let whole = try await broker.history(of: video("v"), after: 15, through: nil, limit: 100)
            #expect(whole.missing.isEmpty && whole.entries.map(\.offset) == [after.offset])
        }
    }

    @Test func anotherPublisherDoesNotReuseOffsetsEither() async throws {
        try await withBroker(options) { redis, first in
            for number in 1...3 { _ = try await first.publish(payload(number), to: video("v")) }
            let kept = try await fileSize(redis)
            let last = try await first.publish(payload(4), to: video("v"))
            await redis.kill()
            try truncateFile(redis, to: kept)
            try await redis.start()
            try await withBroker(redis) { second in
                let next = try await second.publish(payload(5), to: video("v"))
                #expect(next.epoch == last.epoch && next.offset > last.offset)
            }
        }
    }

    @Test func restartWithoutFileBeginsANewEpoch() async throws {
        try await withBroker { redis, broker in
            let before = try await broker.publish(payload(1), to: video("v"))
            await redis.kill()
            try await redis.start()
            let after = try await publishWhenBack(broker, payload(2))
            #expect(after.offset == 1 && after.epoch != before.epoch)
        }
    }

    @Test func subscriberComesBackAfterARestart() async throws {
        try await withBroker(options) { redis, broker in
            try await withSubscriber(broker, to: [video("v"), video("w")]) { sink in
                await redis.stop()
                #expect(await eventually { sink.count(.lost) == 1 })
                try await redis.start()
                #expect(await eventually { sink.subscribedChannels.count == 4 })
                let position = try await publishWhenBack(broker, payload(1))
                #expect(await eventually { sink.messages.last?.position == position })
            }
        }
    }

    /// Publishes until it works: the first commands after a restart may find a dead connection.
    private func publishWhenBack(_ broker: RedisBroker, _ payload: [UInt8]) async throws -> Position {
        var position: Position?
        #expect(
            await eventually {
                position = try? await broker.publish(payload, to: video("v"))
                return position != nil
            })
        return try #require(position)
    }
}
