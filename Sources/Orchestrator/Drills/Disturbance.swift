import Broker
import RedisNIO

/// Does the damage, and tells when it began and when it was over.
struct Disturbance: Sendable {
    let drill: Drill
    let services: DrillServices
    let settings: DrillSettings
    let tell: @Sendable (FaultMark.Kind, String) -> Void
    /// A number that says what the fault did, for the report.
    let note: @Sendable (String, Int) -> Void

    /// How many connections got their first event since the start, and how many viewers have none now.
    let crowd: @Sendable () -> (connects: Int, away: Int)
    /// A Reader that came or went, for the report.
    let moved: @Sendable (DrillResult.Change) -> Void

    var plant: Plant { services.plant }
    var victim: Node { services.readers[0] }
    private var faults: ServerFaults { ServerFaults(plant: plant, tell: tell) }
    private var redis: RedisProbe { RedisProbe(port: services.redis.port) }

    /// From the first blow to the time at which everything works again as far as processes go.
    func strike() async throws {
        switch drill {
        case .killReader, .reconnectStorm: try await killReader()
        case .drainReader: await drainReader()
        case .rollingRestart: try await restartReaders()
        case .killCommentAPI: try await faults.kill(services.commentAPIs[0], for: .seconds(2))
        case .restartRedis: try await faults.restart(services.redis)
        case .loseRedis: try await faults.lose(services.redis)
        case .freezeRedis: try await freezeRedis()
        case .cutSubscriber: try await cutSubscribers()
        case .bufferLimit: try await lag()
        case .postgresDown: try await faults.stop(services.postgres, for: .seconds(10))
        case .slowViewers: try await letThemSleep()
        case .joinLeave: try await joinAndLeave()
        }
    }

    private func killReader() async throws {
        tell(.begin, "SIGKILL to \(victim.name)")
        await plant.kill(victim)
        tell(.end, "\(victim.name) is gone")
    }

    private func drainReader() async {
        tell(.begin, "SIGTERM to \(victim.name)")
        await plant.stop(victim)
        tell(.end, "\(victim.name) has ended")
    }

    private func restartReaders() async throws {
        tell(.begin, "the first Reader is stopped")
        for reader in services.readers {
            tell(.step, "SIGTERM to \(reader.name)")
            try await plant.restart(reader)
        }
        tell(.end, "the last Reader is ready again")
    }

    private func freezeRedis() async throws {
        tell(.begin, "SIGSTOP to Redis")
        plant.pause(services.redis.node)
        try await Task.sleep(for: .seconds(5))
        plant.resume(services.redis.node)
        tell(.end, "SIGCONT to Redis")
    }

    private func cutSubscribers() async throws {
        tell(.begin, "CLIENT KILL TYPE pubsub")
        let cut = try await redis.send(RedisCommand("CLIENT", ["KILL", "TYPE", "pubsub"])).integer ?? 0
        note("subscribers cut", Int(cut))
        tell(.end, "\(cut) subscribers are cut")
    }

    /// The victim's own probe channel carries the load: only its buffer fills.
    private func lag() async throws {
        let limit = "pubsub 262144 0 0"
        _ = try await redis.send(RedisCommand("CONFIG", ["SET", "client-output-buffer-limit", limit]))
        tell(.begin, "SIGSTOP to \(victim.name), client-output-buffer-limit \(limit)")
        plant.pause(victim)
        let load = String(repeating: "x", count: 256 << 10)
        // The drill's Redis is its own: there is no namespace.
        let channel = ChannelNames(namespace: nil).probe(of: victim.name)
        var isCut = false
        for _ in 0..<200 where !isCut {
            // Redis 7.0 does not count those that it cuts; a message that nobody gets says it too.
            let receivers = try await redis.send(RedisCommand("PUBLISH", channel, load)).integer
            isCut = receivers == 0
        }
        tell(.step, isCut ? "Redis has cut the subscriber" : "Redis has not cut the subscriber")
        // Comments go on meanwhile: the Reader has something to repair.
        try await Task.sleep(for: .seconds(1))
        plant.resume(victim)
        note("subscribers cut", isCut ? 1 : 0)
        tell(.end, "SIGCONT to \(victim.name)")
    }

    /// They did not read from the beginning; the time is what the Readers need to notice.
    private func letThemSleep() async throws {
        tell(.begin, "some viewers do not read")
        try await Task.sleep(for: .seconds(8))
        tell(.end, "the others are looked at")
    }
}
