import Broker
import RedisNIO
import TestSupport
import Testbed
import Testing
import Wire

/// Deployments on one Redis, each with a database of its own.
@Suite struct NamespaceTests {
    private func withBrokers(_ body: (Node, RedisBroker, RedisBroker) async throws -> Void) async throws {
        try await withRedis { redis in
            let settings = makeBrokerSettings { settings in
                settings.instance = "reader-1"
                settings.probeInterval = .milliseconds(50)
            }
            try await withBroker(redis, settings: settings) { production in
                let endpoint = try RedisEndpoint(parsing: redis.url + "/1")
                let staging = RedisBroker(endpoint: endpoint, settings: settings, logger: quietLogger)
                try await withBackground({ try await staging.run() }) {
                    _ = await eventually { staging.isReady }
                    try await body(redis, production, staging)
                }
            }
        }
    }

    @Test func viewersHearTheirOwnDeploymentOnly() async throws {
        try await withBrokers { redis, production, staging in
            try await withSubscriber(production, to: [video("v"), video("w")]) { heard in
                try await withSubscriber(staging, to: [video("v")]) { heardInStaging in
                    _ = try await production.publish(payload(1), to: video("v"))
                    _ = try await staging.publish(payload(2), to: video("v"))
                    try await production.publishState(payload(3), to: video("v"))
                    try await staging.publishState(payload(4), to: video("v"))
                    #expect(await eventually { heard.messages.count >= 2 && heardInStaging.messages.count >= 2 })
                    #expect(heard.messages.map { text($0.frame).suffix(9) } == ["{\"n\":1}\n\n", "{\"n\":3}\n\n"])
                    #expect(
                        heardInStaging.messages.map { text($0.frame).suffix(9) } == ["{\"n\":2}\n\n", "{\"n\":4}\n\n"])
                    #expect(Set(heard.messages.map(\.channel)) == [video("v")])
                    #expect(Set(heardInStaging.messages.map(\.channel)) == [video("v")])
                    for (broker, channels) in [(production, 2), (staging, 1)] {
                        #expect(try await broker.subscriptionCounts(of: [video("v")]) == [1])
                        #expect(try await broker.subscribedChannelCount() == channels)
                    }
                    let names = try redis.command("PUBSUB", "CHANNELS").split(separator: "\r\n")
                    #expect(names.contains("video:v") && names.contains("probe:reader-1"))
                }
            }
        }
    }
}
