import Broker
import InMemory
import Primitives
import ServiceRuntime
import Storage
import TestSupport
import Testing
import Wire

@testable import CommentAPI

@Suite struct PublishQueueTests {
    /// What became of each comment: its offset, or `nil` when it was left to the outbox sweep.
    private final class Outcomes: Sendable {
        let saved = Mutex<[String]>([])
        let now = Mutex(ContinuousClock.now)
        private let list = Mutex<[(id: String, offset: UInt64?)]>([])
        var all: [String] { list.withLock { $0.map { "\($0.id) \($0.offset.map(String.init) ?? "left")" } } }
        func add(_ id: String, _ position: Position?) {
            list.withLock { $0.append((id: id, offset: position?.offset)) }
        }
    }

    private let broker = InMemoryBroker()
    private let outcomes = Outcomes()

    private func withQueue(
        waitingMax: Int = 10, batchMax: Int = 3,
        _ body: (PublishQueue, @escaping (String) throws -> Void) async throws -> Void
    ) async throws {
        var settings = PublishQueue.Settings()
        settings.partitions = 1
        settings.waitingMax = waitingMax
        settings.batchMax = batchMax
        settings.waitMax = .seconds(2)
        let queue = PublishQueue(
            broker: broker, metrics: CommentMetrics(PrometheusRegistry()), settings: settings,
            now: { outcomes.now.withLock { $0 } }
        ) { positions in outcomes.saved.withLock { $0 += positions.map(\.id) } }
        let channel = try video("v")
        try await body(queue) { id in
            queue.add(makeComment(id, id), to: channel) { outcomes.add(id, $0) }
        }
    }

    @Test func publishesInOrderAndSavesThePositionsFirst() async throws {
        try await withQueue { queue, add in
            for number in 1...5 { try add("c\(number)") }
            try await withBackground({ await queue.run() }) {
                #expect(await eventually { outcomes.all.count == 5 })
            }
            #expect(outcomes.all == (1...5).map { "c\($0) \($0)" })
            #expect(outcomes.saved.withLock { $0 } == (1...5).map { "c\($0)" })
            #expect(queue.count == 0)
        }
    }

    @Test func whatHasWaitedTooLongIsLeftToTheSweep() async throws {
        try await withQueue { queue, add in
            try add("late")
            outcomes.now.withLock { $0 += .milliseconds(1_999) }
            try add("young")
            outcomes.now.withLock { $0 += .milliseconds(2) }
            try await withBackground({ await queue.run() }) {
                #expect(await eventually { outcomes.all.count == 2 })
            }
            #expect(outcomes.all == ["late left", "young 1"])
            #expect(outcomes.saved.withLock { $0 } == ["young"])
            #expect(try await texts(broker, try video("v")) == ["young"])
        }
    }

    @Test func whatFindsNoRoomOrCannotBePublishedIsLeftToTheSweep() async throws {
        try await withQueue(waitingMax: 2) { queue, add in
            for number in 1...3 { try add("c\(number)") }
            #expect(outcomes.all == ["c3 left"])
            broker.refuseNext([BrokerError(.timeout, "on demand")])
            try await withBackground({ await queue.run() }) {
                #expect(await eventually { outcomes.all.count == 3 })
            }
            #expect(Set(outcomes.all) == ["c1 left", "c2 1", "c3 left"])
            // Nobody publishes any more.
            try add("c4")
            #expect(outcomes.all.last == "c4 left")
        }
    }
}
