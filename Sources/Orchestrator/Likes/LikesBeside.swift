import Audience
import Testbed

/// Likes while something else is measured: they begin and end with it, and are compared afterwards.
struct LikesBeside: Sendable {
    let crowd: LikesCrowd
    let redisPort: Int

    /// Starts a LikeAPI, for which Redis alone keeps the likes, and the crowd that uses it.
    static func start(
        _ settings: LikesSettings, redis: Node, serviceEnvironment: ServiceEnvironment, readers: [Node],
        in testbed: Testbed
    ) async throws -> LikesBeside {
        let service = try await testbed.addService(.likeAPI, serviceEnvironment, ["LIKE_ROLE": "all"])
        try await Node.waitUntilReady([service])
        let node = try await testbed.addClient(
            .swarm, name: "likes", arguments: settings.arguments(likeAPIs: [service], readers: readers))
        return LikesBeside(crowd: LikesCrowd(node), redisPort: redis.port)
    }

    /// Runs `body` between the first like and the last; what was found afterwards.
    func accompany(_ body: @escaping @Sendable () async throws -> Void) async throws -> LikesResult.Outcome {
        try await crowd.listening {
            _ = try await crowd.reach("connected", atMost: .seconds(90)) { $0.connected }
            try await crowd.say("start")
            try await body()
            try await crowd.say("stop")
            var swarm = try await crowd.reach("report", atMost: .seconds(90)) { $0.report }
            let photos = try await LikeAudit(redisPort: redisPort, databaseURL: nil).compare(swarm.photos)
            swarm.photos = [:]
            return LikesResult.Outcome(swarm: swarm, photos: photos)
        }
    }
}
