import Broker
import Logging
import Primitives
import RedisNIO
import ServiceRuntime
import TestSupport
import Testing
import Wire

@testable import ReaderAPI

@Suite struct ViewerCountPlanTests {
    private let videos = (0..<6).compactMap { Channel.video("v\($0)") }

    @Test func changesGoFirstAndOnce() {
        var plan = ViewerCountPlan()
        plan.take([videos[0]: 3, videos[1]: 1])
        let first = plan.step()
        #expect(Set(first.map(\.video)) == Set(videos.prefix(2)) && first.allSatisfy(\.announces))
        // Nothing changed: a video a step is renewed, and nobody is told.
        #expect(plan.step().allSatisfy { !$0.announces })
        plan.take([videos[0]: 2, videos[1]: 1])
        let second = plan.step().filter { $0.viewers > 0 }
        #expect(second.first { $0.video == videos[0] }?.announces == false)
        // One left and one came: who came has not heard the number.
        #expect(second.first { $0.video == videos[1] }?.announces == true)
        plan.take([videos[1]: Int?.none])
        #expect(plan.step().contains(.init(video: videos[1], viewers: 0, announces: false)))
        plan.take([videos[1]: Int?.none])
        #expect(!plan.step().contains { $0.video == videos[1] })
    }

    @Test func whatWaitsComesAgain() {
        var plan = ViewerCountPlan()
        plan.take([videos[0]: 3])
        let count = plan.step()[0]
        plan.wait(for: count)
        #expect(plan.waiting == 1 && plan.step().first == count && plan.waiting == 0)
    }

    @Test func doubtIsSettledInSmallParts() {
        var plan = ViewerCountPlan()
        let many = (0..<2_000).compactMap { Channel.video("v\($0)") }
        plan.take(Dictionary(uniqueKeysWithValues: many.enumerated().map { ($1, $0 + 1) }))
        _ = plan.step()
        plan.doubtAll()
        let first = plan.step()
        #expect(first.count == ViewerCountPlan.othersMax && first.first?.viewers == 2_000)
        for _ in 0..<3 { _ = plan.step() }
        #expect(plan.waiting == 0)
    }
}

extension IntegrationTests {
    @Suite struct ViewerCountTests {
        /// What viewers of a video hear.
        private final class Heard: SubscriptionSink {
            let frames = Mutex<[String]>([])
            let isSubscribed = Mutex(false)

            func connectionEstablished() {}
            func subscribed(_ channels: [Channel]) { isSubscribed.withLock { $0 = true } }
            func received(_ messages: [BrokerMessage]) {
                frames.withLock { $0 += messages.map { String(decoding: $0.frame, as: UTF8.self) } }
            }
            func lost(_ channels: [Channel], isConnected: Bool) {}

            var numbers: [Int] {
                frames.withLock { $0 }.compactMap { frame in
                    frame.split(separator: "\"viewers\":").last.flatMap { Int($0.prefix { $0.isNumber }) }
                }
            }
        }

        private struct Reader {
            let counts: ViewerCounts
            let touched = Touched()
            var alive: Set<String>?

            final class Touched: Sendable {
                let channels = Mutex<[Channel: Int?]>([:])
            }

            init(_ session: String, _ broker: RedisBroker) {
                let touched = self.touched
                counts = ViewerCounts(
                    redis: broker.redis, session: session, names: ChannelNames(namespace: nil),
                    metrics: PrometheusRegistry(), logger: quietLogger
                ) {
                    touched.channels.withLock { channels in
                        defer { channels = [:] }
                        return channels
                    }
                }
            }

            mutating func step(_ changes: [Channel: Int?] = [:]) async throws {
                touched.channels.withLock { $0.merge(changes) { $1 } }
                alive = try await counts.step(alive)
            }
        }

        @Test func sumsAreAnnouncedAndADeadReaderDoesNotCount() async throws {
            try await withBroker { redis, broker in
                let video = try #require(Channel.video("v"))
                let heard = Heard()
                let subscriber = broker.makeSubscriber(heard)
                try await withBackground({ try await subscriber.run() }) {
                    subscriber.subscribe([video])
                    await expectEventually { heard.isSubscribed.withLock { $0 } }
                    var (first, second) = (Reader("one", broker), Reader("two", broker))
                    try await first.step([video: 3])
                    await expectEventually { heard.numbers == [3] }
                    // Within the gap it waits, and is right afterwards.
                    try await second.step([video: 4])
                    #expect(try await ViewerCounts.viewers(of: video, redis: broker.redis) == 7)
                    let start = ContinuousClock.now
                    while heard.numbers == [3], ContinuousClock.now - start < .seconds(5) {
                        try await Task.sleep(for: .milliseconds(100))
                        try await second.step()
                    }
                    #expect(heard.numbers == [3, 7])
                    #expect(ContinuousClock.now - start > .seconds(1))
                    // The second one dies: its deadline passes, and the first one says so.
                    _ = try redis.command("HSET", ViewerCountScript.readersKey, "two", "1")
                    try await Task.sleep(for: .seconds(2.1))
                    try await first.step()
                    #expect(try await ViewerCounts.viewers(of: video, redis: broker.redis) == 3)
                    try await first.step()
                    await expectEventually { heard.numbers == [3, 7, 3] }
                    #expect(try redis.command("HLEN", ViewerCountScript.key(of: "v")).contains("2"))
                    // Redis loses everything: the first one tells it again.
                    _ = try redis.command("FLUSHALL")
                    try await first.step()
                    try await first.step()
                    #expect(try await ViewerCounts.viewers(of: video, redis: broker.redis) == 3)
                    try await first.step([video: Int?.none])
                    #expect(try await ViewerCounts.viewers(of: video, redis: broker.redis) == 0)
                    #expect(try redis.command("EXISTS", ViewerCountScript.key(of: "v")).contains("0"))
                }
            }
        }

        @Test func viewersOfTwoReadersHearTheirNumber() async throws {
            try await PlacedReaders.with(.init(placement: "random")) { system in
                let (_, first) = try await system.follow("v1", from: system.readers[0])
                let (_, second) = try await system.follow("v1", from: system.readers[1])
                for viewer in [first, second] {
                    #expect(try await viewer.head().status == 200)
                    var data = ""
                    while !data.contains(#""viewers":2"#) { data = try await viewer.next().data }
                    #expect(data == #"{"videoid":"v1","viewers":2}"#)
                }
                let answer = try await system.readers[2].get("/viewers?videoid=v1")
                #expect(answer.text == #"{"videoid":"v1","viewers":2}"#)
                #expect(try await system.readers[2].get("/viewers?videoid=a%20b").status == 400)
                await first.close()
                await expectEventually {
                    try await system.readers[2].get("/viewers?videoid=v1").text.contains(#""viewers":1"#)
                }
                await second.close()
            }
        }
    }
}
