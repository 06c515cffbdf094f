import ArgumentParser
import Audience
import Options
import Placement
import Testing

@testable import Orchestrator

struct DrillArgumentsTests {
    let limits = Capacity(perProcess: 20_000)

    private func read(_ line: String) throws -> (drills: [Drill], settings: DrillSettings) {
        let words = line.split(separator: " ").map(String.init)
        return try DrillSettings.parse(Array(words.dropFirst())).checked(words[0], limits)
    }

    private func problems(_ line: String) -> [String] { OrchestratorTests.problems { try read(line) } }

    @Test func theDefaultsAreTheOnesOfThePromise() throws {
        let (drills, settings) = try read("kill-reader")
        #expect(drills == [.killReader])
        #expect(settings.commandLine("drill kill-reader") == "Orchestrator drill kill-reader")
        #expect((settings.viewers, settings.streams, settings.readers) == (2_000, 100, 3))
    }

    @Test func joiningAndLeavingHasASizeOfItsOwn() throws {
        let own = try read("join-leave").settings
        #expect(
            own.commandLine("drill join-leave")
                == "Orchestrator drill join-leave --viewers 10000 --streams 1000 --rate 50 --readers 6")
        let smaller = try read("join-leave --viewers 90 --readers 2").settings
        #expect(smaller.viewers == 90)
        #expect(smaller.streams == 1_000)
        #expect(!problems("join-leave --readers 1").isEmpty)
        // With all others it is one of them.
        #expect(try read("all").settings.words.isEmpty)
        let setup = own.setup(.joinLeave, Drill.joinLeave.passes[0], swarms: 1)
        #expect(setup.placement == .overflow)
        #expect(setup.audience == .zipf(exponent: 1) && setup.connectsInProgress == 500)
        #expect(setup.swarm.contains("follow"))
        #expect(own.setup(.killReader, Drill.killReader.passes[0], swarms: 1).placement == .random)
    }

    @Test func allThatIsWrongIsToldTogether() throws {
        let told = problems(
            "flood --viewers 0 --streams x --rate -1 --readers 99 --seed -1 --slow-share 2 --postgres maybe")
        for part in ["flood", "--viewers", "--streams", "--rate", "--readers", "--seed", "--slow-share", "--postgres"] {
            #expect(told.contains { $0.hasPrefix(part) }, "\(part) in \(told)")
        }
    }

    @Test func aDrillThatCannotWorkIsRefused() throws {
        #expect(!problems("postgres-down --postgres never").isEmpty)
        #expect(!problems("kill-reader --readers 1").isEmpty)
        #expect(problems("kill-worker --rate 9").first?.hasPrefix("--rate") == true)
        #expect(!problems("kill-reader --viewers 60000").isEmpty)
        #expect(problems("freeze-redis --readers 1").isEmpty)
    }

    /// Those that move viewers cannot work with one Reader: it is said which, before the first one starts.
    @Test func allWithOneReaderIsRefusedWithTheReason() throws {
        let told = problems("all --readers 1")
        #expect(told.count == 1)
        for part in ["--readers 1", "kill-reader", "join-leave", "take at least 2"] {
            #expect(told.first?.contains(part) == true, "\(part) in \(told)")
        }
    }

    @Test func aDrillHasTheRedisThatItIsAbout() throws {
        func topology(_ line: String) throws -> RedisTopology {
            let (drills, settings) = try read(line)
            return settings.setup(drills[0], drills[0].passes[0], swarms: 1).redisTopology
        }
        #expect(try topology("kill-reader") == .server)
        #expect(try topology("kill-reader --redis-nodes 3") == .cluster(masters: 3, replicas: 1))
        #expect(try topology("kill-master") == .cluster(masters: 3, replicas: 2))
        #expect(try topology("reshard --redis-nodes 6 --redis-replicas 1") == .cluster(masters: 6, replicas: 1))
        #expect(try topology("partition") == .cluster(masters: 3, replicas: 2, isRelayed: true))
        #expect(try topology("sentinel-kill") == .sentinels(replicas: 2))
        #expect(problems("lose-redis --redis-nodes 3") == ["--redis-nodes: lose-redis is about one Redis"])
        #expect(problems("kill-reader --redis-replicas 1").count == 1)
        #expect(problems("likes-lose-redis --redis-nodes 3") == ["--redis-nodes: likes-lose-redis is about one Redis"])
        let clustered = try read("all --redis-nodes 3").drills
        #expect(clustered.contains(.killReader) && clustered.contains(.reshard))
        #expect(clustered.contains(.killLikeAPI))
        #expect(!clustered.contains(.freezeRedis) && !clustered.contains(.likesRestartRedis))
        // What no replica has is not acknowledged, where a master is lost.
        let settings = try read("kill-master").settings
        #expect(settings.setup(.killMaster, Drill.killMaster.passes[0], swarms: 1).common["REDIS_REPLICAS_ACK"] == "1")
    }

    @Test func allAreAllWithoutWhatIsSwitchedOff() throws {
        #expect(try read("all").drills == Drill.all)
        #expect(
            try read("all --postgres never").drills
                == Drill.all.filter { $0.crowd == .comments && $0.database != .needed })
    }
}
