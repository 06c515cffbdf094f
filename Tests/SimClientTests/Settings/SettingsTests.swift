import ArgumentParser
import Audience
import Testing

@testable import SimClient

private func problems(_ body: () throws -> Void) -> [String] {
    do {
        try body()
        return []
    } catch {
        return (error as? SettingsProblems)?.problems ?? ["\(error)"]
    }
}

@Suite struct SwarmSettingsTests {
    @Test func readsEverything() throws {
        let settings = try SwarmCommand.parse([
            "--readers", "http://a:1, http://b:2", "--comment-api", "http://c:3", "--stats-api", "http://d:4",
            "--streams", "10", "--viewers", "200", "--audience", "zipf:1.0", "--seed", "7", "--rate", "500.5",
            "--duration", "3", "--warmup", "1", "--shard", "1/4", "--placement", "follow", "--coordinate", "--json",
        ]).read()
        #expect(settings.readers.map(\.description) == ["http://a:1", "http://b:2"])
        #expect(settings.audience.channels == 10)
        #expect(settings.audience.total == 200)
        #expect(settings.audience.spec == .zipf(exponent: 1))
        #expect(settings.rate == 500.5)
        #expect(settings.shard.description == "1/4")
        #expect(settings.placement == .follow)
        #expect(settings.coordinates && settings.writesJSON)
        #expect(settings.statistics.count == 1)
    }

    @Test func reportsAllThatIsWrongTogether() throws {
        let command = try SwarmCommand.parse([
            "--readers", "ftp://x", "--streams", "0", "--viewers", "many", "--audience", "square", "--rate=-1",
            "--shard", "4/4", "--placement", "nearest", "--seed=-3", "--slow-share", "2",
        ])
        let found = problems { _ = try command.read() }
        for name in [
            "--readers", "--comment-api", "--streams", "--viewers", "audience", "--rate", "shard", "--placement",
            "--seed", "--slow-share",
        ] {
            #expect(found.contains { $0.hasPrefix(name) }, "\(name) in \(found)")
        }
        #expect(found.count == 10)
    }
}

@Suite struct SwarmLoadTests {
    private func command(_ more: [String]) throws -> SwarmCommand {
        try SwarmCommand.parse(
            ["--readers", "http://a:1", "--streams", "100", "--audience", "uniform"] + more)
    }

    @Test func aClosedLoopNeedsItsOwnPace() throws {
        let good = try command(["--comment-api", "http://c:3", "--window", "16", "--rate", "0"]).read()
        #expect(good.window == 16)
        #expect(good.parameters.window == 16)
        let bad = try command(["--window", "4096", "--publish", "none", "--shard", "0/2"])
        let found = problems { _ = try bad.read() }
        for name in ["--rate", "--publish", "--window", "--shard"] {
            #expect(found.contains { $0.hasPrefix(name) }, "\(name) in \(found)")
        }
        #expect(found.count == 4)
    }

    @Test func aListenerNeedsNoCommentAPIAndHasNoRate() throws {
        let settings = try command(["--publish", "none"]).read()
        #expect(settings.publishes == .none)
        #expect(settings.rate == 0)
        #expect(settings.commentAPIs.isEmpty)
    }

    @Test func aPlainProtocolNeedsAllViewersInOneProcess() throws {
        let plain = ["--comment-api", "http://c:3", "--protocol", "plain"]
        #expect(try command(plain).read().streamProtocol == .plain)
        let bad = try command(plain + ["--shard", "1/2"])
        #expect(problems { _ = try bad.read() }.first?.hasPrefix("--shard") == true)
        let unknown = try command(["--comment-api", "http://c:3", "--protocol", "mqtt"])
        #expect(problems { _ = try unknown.read() }.first?.hasPrefix("--protocol") == true)
    }

    @Test func prefixesAreOfVideoIDs() throws {
        let settings = try command(["--comment-api", "http://c:3", "--channel-prefix", "cold-"]).read()
        #expect(settings.audience.channelName(0) == "video:cold-v1")
        #expect(settings.audience.videoID(ofChannel: 1) == "cold-v2")
        for prefix in ["a b", "ä", "x/", "{", String(repeating: "x", count: 101)] {
            let bad = try command(["--comment-api", "http://c:3", "--channel-prefix", prefix])
            #expect(problems { _ = try bad.read() }.first?.hasPrefix("--channel-prefix") == true, "\(prefix)")
        }
    }
}

@Suite struct WatchSettingsTests {
    static let environment = [
        "USER_ID": "user1", "VIDEO_ID": "video1", "READER_API_URLS": "http://r1:4000,http://r2:4000",
        "COMMENT_API_URL": "http://c:3000", "STATISTICS_API_URL": "http://s:5000", "COMMENT_INTERVAL_SECONDS": "2.5",
    ]

    @Test func takesTheEnvironment() throws {
        let settings = try WatchCommand.parse([]).read(environment: Self.environment)
        #expect(settings.userid == "user1")
        #expect(settings.readers.count == 2)
        #expect(settings.intervalSeconds == 2.5)
        #expect(settings.count == nil)
    }

    @Test func flagsComeFirst() throws {
        let settings = try WatchCommand.parse(["--user", "user9", "--count", "3", "--interval", "1"])
            .read(environment: Self.environment)
        #expect(settings.userid == "user9")
        #expect(settings.count == 3)
        #expect(settings.intervalSeconds == 1)
    }

    @Test func reportsAllThatIsWrongTogether() throws {
        let command = try WatchCommand.parse(["--user", "no spaces", "--interval", "often", "--count", "0"])
        #expect(problems { _ = try command.read(environment: [:]) }.count == 6)
    }
}
