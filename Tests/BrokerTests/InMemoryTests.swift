import Broker
import InMemory
import TestSupport
import Testing
import Wire

@Suite struct InMemoryTests {
    @Test func deliversWithinThePublishAndInOrder() async throws {
        let broker = InMemoryBroker()
        let sink = RecordingSink()
        let subscriber = broker.makeInMemorySubscriber(sink)
        subscriber.subscribe([video("v")])
        subscriber.start()
        let first = try await broker.publish(payload(1), to: video("v"))
        let second = try broker.publishNow(payload(2), to: video("v"))
        _ = try await broker.publish(payload(3), to: video("other"))
        #expect(sink.messages.map(\.position) == [first, second])
        #expect(text(sink.messages[0].frame) == "id: 1.\(first.epoch)\ndata: {\"n\":1}\n\n")
        #expect(sink.events.prefix(2) == [.established, .subscribed([video("v")])])
        #expect(try await broker.subscriptionCounts(of: [video("v"), video("w")]) == [1, 0])
        subscriber.unsubscribe([video("v")])
        #expect(try await broker.subscribedChannelCount() == 0)
    }

    @Test func equalSeedsGiveEqualRuns() throws {
        func run(_ seed: UInt64) throws -> [Position] {
            let broker = InMemoryBroker(seed: seed)
            return try (0..<20).map { number in try broker.publishNow(payload(number), to: video("v\(number % 5)")) }
        }
        #expect(try run(7) == run(7))
        #expect(try run(7) != run(8))
    }

    @Test func unreachableRefusesAndComesBack() async throws {
        let broker = InMemoryBroker()
        let sink = RecordingSink()
        let subscriber = broker.makeInMemorySubscriber(sink)
        subscriber.subscribe([video("v")])
        subscriber.start()
        broker.setReachable(false)
        await #expect { try await broker.publish(payload(1), to: video("v")) } throws: {
            ($0 as? BrokerError)?.code == .unavailable
        }
        #expect(!broker.isReady && sink.count(.lost) == 1)
        broker.setReachable(true)
        #expect(try await broker.publish(payload(2), to: video("v")).offset == 1)
        #expect(sink.messages.count == 1)
    }

    @Test func sinksMayCallBack() throws {
        let broker = InMemoryBroker()
        let sink = RecordingSink(onReceived: { messages in
            if messages[0].position?.offset == 1 { _ = try? broker.publishNow(payload(2), to: video("v")) }
        })
        let subscriber = broker.makeInMemorySubscriber(sink)
        subscriber.subscribe([video("v")])
        subscriber.start()
        try broker.publishNow(payload(1), to: video("v"))
        #expect(sink.messages.compactMap(\.position?.offset) == [1, 2])
    }

    @Test func runEndsWhenCancelled() async throws {
        let broker = InMemoryBroker()
        let sink = RecordingSink()
        let subscriber = broker.makeSubscriber(sink)
        try await withBackground({ try await subscriber.run() }) {
            #expect(await eventually { sink.events == [.established] })
        }
        #expect(sink.events == [.established, .lost])
    }

    @Test func trimsAndTellsIt() async throws {
        let broker = InMemoryBroker(historyLength: 10)
        for number in 0..<25 { try broker.publishNow(payload(number), to: video("v")) }
        let page = try await broker.history(of: video("v"), after: 3, through: nil, limit: 4)
        #expect(page.missing == [4...15] && page.entries.map(\.offset) == [16, 17, 18, 19] && page.isCut)
    }
}
