import ArgumentParser
import Audience
import Report
import Testing

@testable import SimClient

/// What is wrong with a command line, line by line.
private func problems<Command: ParsableCommand>(_ command: Command.Type, _ arguments: [String]) -> [String] {
    do {
        _ = try Command.parse(arguments)
        return []
    } catch {
        #expect(Command.exitCode(for: error).rawValue == ExitStatus.badArguments.rawValue)
        return Command.message(for: error).split(separator: "\n").map {
            String($0.hasPrefix("Error: ") ? $0.dropFirst(7) : $0)
        }
    }
}

@Suite struct SwarmSettingsTests {
    @Test func readsEverything() throws {
        let settings = try SwarmCommand.parse([
            "--readers", "http://a:1, http://b:2", "--comment-api", "http://c:3", "--stats-api", "http://d:4",
            "--streams", "10", "--viewers", "200", "--audience", "zipf:1.0", "--seed", "7", "--rate", "500.5",
            "--duration", "3", "--warmup", "1", "--shard", "1/4", "--placement", "follow", "--coordinate", "--json",
        ])
        #expect(settings.readers.map(\.description) == ["http://a:1", "http://b:2"])
        let audience = try settings.makeAudience()
        #expect(audience.channels == 10)
        #expect(audience.total == 200)
        #expect(audience.spec == .zipf(exponent: 1))
        #expect(settings.rate == 500.5)
        #expect(settings.shard.description == "1/4")
        #expect(settings.placement == .follow)
        #expect(settings.coordinate && settings.json)
        #expect(settings.statsAPI.count == 1)
    }

    @Test func reportsAllThatIsWrongTogether() throws {
        let wrong = [
            "--readers", "ftp://x", "--streams", "0", "--viewers", "many", "--audience", "square", "--rate=-1",
            "--shard", "4/4", "--placement", "nearest", "--seed=-3", "--slow-share", "2",
        ]
        let found = problems(SwarmCommand.self, wrong)
        for name in [
            "--readers", "--comment-api", "--streams", "--viewers", "--audience", "--rate", "--shard", "--placement",
            "--seed", "--slow-share",
        ] {
            #expect(found.contains { $0.hasPrefix(name) }, "\(name) in \(found)")
        }
        #expect(found.count == 10)
    }
}

@Suite struct SwarmLoadTests {
    private func arguments(_ more: [String]) -> [String] {
        ["--readers", "http://a:1", "--streams", "100", "--audience", "uniform"] + more
    }

    private func command(_ more: [String]) throws -> SwarmCommand { try SwarmCommand.parse(arguments(more)) }

    @Test func aClosedLoopNeedsItsOwnPace() throws {
        let good = try command(["--comment-api", "http://c:3", "--window", "16", "--rate", "0"])
        #expect(good.window == 16)
        #expect(good.parameters.window == 16)
        let bad = arguments(["--window", "4096", "--publish", "none", "--shard", "0/2"])
        let found = problems(SwarmCommand.self, bad)
        for name in ["--rate", "--publish", "--window", "--shard"] {
            #expect(found.contains { $0.hasPrefix(name) }, "\(name) in \(found)")
        }
        #expect(found.count == 4)
    }

    @Test func aListenerNeedsNoCommentAPIAndHasNoRate() throws {
        let settings = try command(["--publish", "none"])
        #expect(settings.publish == .none)
        #expect(settings.writtenPerSecond == 0)
        #expect(settings.parameters.rate == 0)
    }

    @Test func aPlainProtocolNeedsAllViewersInOneProcess() throws {
        let plain = ["--comment-api", "http://c:3", "--protocol", "plain"]
        #expect(try command(plain).protocol == .plain)
        let bad = arguments(plain + ["--shard", "1/2"])
        #expect(problems(SwarmCommand.self, bad).first?.hasPrefix("--shard") == true)
        let unknown = arguments(["--comment-api", "http://c:3", "--protocol", "mqtt"])
        #expect(problems(SwarmCommand.self, unknown).first?.hasPrefix("--protocol") == true)
    }

    @Test func anAudienceThatMovesHasItsLimits() throws {
        let common = ["--comment-api", "http://c:3", "--duration", "10"]
        let settings = try command(
            common + ["--churn", "0.5", "--zaps", "0.1", "--flash-at", "5", "--source-address", "127.0.1.7"])
        #expect(settings.moves.flash?.share == AudienceSpec.flashShare && settings.parameters.moves?.churn == 0.5)
        #expect(try settings.makeAudience().crowd.count == 750)
        #expect(try command(common).parameters.moves == nil)
        let bad = ["--churn=-1", "--zaps", "x", "--flash-at", "20", "--source-address", "10.255.255.1"]
        let found = problems(SwarmCommand.self, arguments(common + bad))
        for name in ["--churn is", "--zaps is", "--flash-at is", "--source-address is"] {
            #expect(found.contains { $0.hasPrefix(name) }, "\(name) in \(found)")
        }
        #expect(found.count == 4)
        let still = arguments(["--comment-api", "http://c:3", "--protocol", "plain", "--churn", "1"])
        #expect(problems(SwarmCommand.self, still).first?.hasPrefix("--churn") == true)
    }

    @Test func prefixesAreOfVideoIDs() throws {
        let settings = try command(["--comment-api", "http://c:3", "--channel-prefix", "cold-"])
        let audience = try settings.makeAudience()
        #expect(audience.channelName(0) == "video:cold-v1")
        #expect(audience.videoID(ofChannel: 1) == "cold-v2")
        for prefix in ["a b", "ä", "x/", "{", String(repeating: "x", count: 101)] {
            let bad = arguments(["--comment-api", "http://c:3", "--channel-prefix", prefix])
            #expect(problems(SwarmCommand.self, bad).first?.hasPrefix("--channel-prefix") == true, "\(prefix)")
        }
    }
}

@Suite struct WatchSettingsTests {
    static let environment = [
        "USER_ID": "user1", "VIDEO_ID": "video1", "READER_API_URLS": "http://r1:4000,http://r2:4000",
        "COMMENT_API_URL": "http://c:3000", "STATISTICS_API_URL": "http://s:5000", "COMMENT_INTERVAL_SECONDS": "2.5",
    ]

    private func parse(_ arguments: [String], environment: [String: String]) throws -> WatchCommand {
        let all = WatchCommand.arguments(["watch"] + arguments, environment: environment)
        return try WatchCommand.parse(Array(all.dropFirst()))
    }

    @Test func takesTheEnvironment() throws {
        let settings = try parse([], environment: Self.environment)
        #expect(settings.user == "user1")
        #expect(settings.readers.count == 2)
        #expect(settings.interval == 2.5)
        #expect(settings.count == nil)
        #expect(WatchCommand.arguments(["swarm", "--seed", "1"], environment: Self.environment).count == 3)
    }

    @Test func flagsComeFirst() throws {
        let settings = try parse(["--user", "user9", "--count", "3", "--interval", "1"], environment: Self.environment)
        #expect(settings.user == "user9")
        #expect(settings.count == 3)
        #expect(settings.interval == 1)
    }

    @Test func reportsAllThatIsWrongTogether() {
        let found = problems(WatchCommand.self, ["--user", "no spaces", "--interval", "often", "--count", "0"])
        #expect(found.count == 6)
        for name in ["--user is", "--video (VIDEO_ID)", "--readers (", "--comment-api (", "--interval", "--count"] {
            #expect(found.contains { $0.hasPrefix(name) }, "\(name) in \(found)")
        }
    }
}

@Suite struct LikesSettingsTests {
    @Test func reportsAllThatIsWrongTogether() {
        let found = problems(LikesCommand.self, ["--viewers", "5", "--hot-share", "x", "--photo", "a b"])
        #expect(found.count == 4)
        for name in ["--like-api is missing", "--readers is missing", "--hot-share is", "--photo is"] {
            #expect(found.contains { $0.hasPrefix(name) }, "\(name) in \(found)")
        }
    }
}
