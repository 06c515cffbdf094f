import Placement
import Testbed
import Wire

/// The services of a run, started and ready: Redis, StatsAPI, CommentAPIs, Readers.
struct RunServices: Sendable {
    let testbed: Testbed
    let redis: Node
    let statistics: Node
    let commentAPIs: [Node]
    let readers: [Node]
    /// `nil` when nobody likes anything.
    let likes: LikesBeside?

    /// Starts them in the order in which they need each other.
    static func start(_ plan: ProcessPlan, _ settings: RunSettings, in testbed: Testbed, progress: Progress)
        async throws
        -> RunServices
    {
        progress.step("starting Redis, StatsAPI, \(plan.commentAPIs) CommentAPI, \(plan.readers) Readers")
        let redis = try await testbed.startRedis()
        var serviceEnvironment = ServiceEnvironment(redis: redis.url)
        let statistics = try await testbed.addService(.statistics, serviceEnvironment)
        serviceEnvironment.statistics = statistics.url
        var commentAPIs: [Node] = []
        for number in 1...plan.commentAPIs {
            commentAPIs.append(try await testbed.addService(.commentAPI, number: number, serviceEnvironment))
        }
        var readers: [Node] = []
        for number in 1...plan.readers {
            readers.append(
                try await testbed.addService(
                    .reader, number: number, serviceEnvironment, ["PLACEMENT": settings.placement.rawValue]))
        }
        try await Node.waitUntilReady([statistics] + commentAPIs + readers)
        var likes: LikesBeside?
        if let wanted = settings.likes {
            likes = try await LikesBeside.start(
                wanted.settings(seed: settings.seed), redis: redis, serviceEnvironment: serviceEnvironment,
                readers: readers,
                in: testbed)
        }
        return RunServices(
            testbed: testbed, redis: redis, statistics: statistics, commentAPIs: commentAPIs, readers: readers,
            likes: likes)
    }

    /// The arguments that every SimClient gets: whom to talk to.
    func addresses(commentAPI number: Int) -> [String] {
        [
            "--readers", readers.map(\.url).joined(separator: ","), "--comment-api",
            commentAPIs[number % commentAPIs.count].url,
            "--stats-api", statistics.url,
        ]
    }

    /// Statistics as soon as they hold, or the last ones when that takes longer than `limit`: reports come once an interval.
    func statistics(
        atMost limit: Duration, when holds: (Statistics) -> Bool
    ) async throws -> ServiceClient.Answer {
        let client = ServiceClient(statistics)
        var last = try await client.statistics()
        _ = try await Polling.wait(atMost: limit, every: .milliseconds(100)) {
            last = try await client.statistics()
            return holds(last.statistics) ? true : nil
        }
        return last
    }
}
