import ArgumentParser
import Audience
import Options
import Report
import Testbed
import Testing

@testable import Orchestrator

struct LikesArgumentsTests {
    private let limits = Capacity(perProcess: 20_000)

    @Test func theDefaultIsAMillionUsersOfOnePhoto() throws {
        let settings = try LikesSettings.parse([]).checked(limits)
        #expect(settings.users == 1_000_000 && settings.photo == "p1")
        #expect(settings.commandLine(nil) == "Orchestrator likes")
    }

    @Test func allThatIsWrongIsSaidTogether() throws {
        let arguments = try LikesSettings.parse([
            "--users", "0", "--photo", "a b", "--unlike-share", "2", "--duplicate-share", "x", "--connections", "0",
            "--like-apis", "17", "--workers", "0", "--readers", "0", "--viewers", "19000", "--seed", "-1",
        ])
        #expect(problems { try arguments.checked(limits) }.count == 10)
    }

    @Test func aDrillIsNamedInFull() {
        var ofSeed3 = DrillSettings.standard
        ofSeed3.seed = 3
        #expect(Set(Drill.all.map(\.name)).count == Drill.all.count)
        for drill in Drill.all where drill.crowd == .likes {
            let settings = LikesSettings.drill(drill, ofSeed3)
            #expect(settings.commandLine(drill) == "Orchestrator drill \(drill.name) --seed 3")
            #expect(settings.users == 0 && settings.photoCount == 4)
        }
        #expect(LikesSettings.drill(.killWorker, .standard).setup(.killWorker).workers == 2)
    }

    @Test func aDrillHasTheRedisThatItIsAbout() {
        func topology(_ drill: Drill, nodes: Int? = nil, replicas: Int? = nil) -> RedisTopology {
            var typed = DrillSettings.standard
            (typed.redisNodes, typed.redisReplicas) = (nodes, replicas)
            return LikesSettings.drill(drill, typed).setup(drill).redisTopology
        }
        #expect(topology(.killWorker) == .server)
        #expect(topology(.killWorker, nodes: 3) == .cluster(masters: 3, replicas: 1))
        #expect(topology(.likesKillMaster) == .cluster(masters: 3, replicas: 2))
        #expect(topology(.likesKillMaster, nodes: 4, replicas: 1) == .cluster(masters: 4, replicas: 1))
        var typed = DrillSettings.standard
        typed.redisNodes = 4
        let settings = LikesSettings.drill(.likesKillMaster, typed)
        #expect(settings.commandLine(.likesKillMaster) == "Orchestrator drill likes-kill-master --redis-nodes 4")
        // Only the record promises that an acknowledged like outlives its master.
        #expect(settings.setup(.likesKillMaster).environment["LIKE_DURABILITY"] == "postgres")
    }
}

struct LikesCheckerTests {
    private func makeSwarm() -> LikeSwarmReport {
        var requests = LikeSwarmReport.Requests()
        requests.acknowledged = 100
        var viewers = LikeSwarmReport.Viewers()
        viewers.wanted = 5
        viewers.connected = 5
        viewers.updatesPerSecondMost = 9.9
        return LikeSwarmReport(
            journeys: LikeJourneys(seed: 1, unlikeShare: 0, duplicateShare: 0), requests: requests,
            latency: LatencyHistogram(), photos: [:], viewers: viewers,
            process: .init(cpuSeconds: 0, senderBusyShare: 0, viewersBusyShare: 0, residentBytesMax: 0),
            generatorLimited: false)
    }

    private func makeReport(_ drill: Drill? = nil) -> LikesResult {
        var report = LikesResult(drill: drill, settings: LikesSettings.standard, base: makeBase("likes"))
        report.outcome.swarm = makeSwarm()
        report.outcome.photos = [
            LikesResult.PhotoAudit(
                photo: "p1", users: 12, truth: 10, redis: 10, redisCount: 10, redisDifferences: 0, record: 10,
                recordCount: 10, recordDifferences: 0)
        ]
        if drill != nil {
            report.faultLog.marks = [
                .init(seconds: 4, kind: .begin, text: ""), .init(seconds: 6, kind: .end, text: ""),
            ]
            report.samples = [(3.0, 50), (6.5, 60)].map { seconds, count in
                var sample = LikesResult.Sample()
                (sample.seconds, sample.acknowledged, sample.updates) = (seconds, count, count)
                return sample
            }
        }
        return report
    }

    @Test func threeThatAgreeAreFine() {
        #expect(LikesChecker.verdict(on: makeReport(), failure: nil).status == .fine)
        #expect(LikesChecker.verdict(on: makeReport(.likesLoseRedis), failure: nil).status == .fine)
        #expect(LikesChecker.verdict(on: makeReport(), failure: .interrupted).status == .interrupted)
    }

    @Test(arguments: 0..<11) func eachDifferenceIsFound(kind: Int) {
        var report = makeReport()
        switch kind {
        case 0: report.outcome.photos[0].redis = 9
        case 1: report.outcome.photos[0].redisCount = 11
        case 2: report.outcome.photos[0].redisDifferences = 2
        case 3: report.outcome.photos[0].record = 9
        case 4: report.outcome.photos[0].recordCount = 11
        case 5: report.outcome.photos[0].recordDifferences = 2
        case 6: report.outcome.swarm?.requests.unfinished = 1
        case 7: report.outcome.swarm?.viewers.wrong = 1
        case 8: report.outcome.swarm?.viewers.malformed = 1
        case 9: report.outcome.swarm?.viewers.updatesPerSecondMost = 12
        default: report.outcome.swarm?.viewers.connected = 4
        }
        let verdict = LikesChecker.verdict(on: report, failure: nil)
        #expect(verdict.status == .auditFailed, "\(verdict.reason)")
    }

    @Test func aFaultMustTakePlaceAndPass() {
        var report = makeReport(.likesPostgresDown)
        #expect(LikesChecker.verdict(on: report, failure: nil).status == .fine)
        #expect(report.recoverySeconds == 0.5)
        report.outcome.swarm?.requests.refused = 1
        #expect(LikesChecker.verdict(on: report, failure: nil).status == .auditFailed, "likes go on without PostgreSQL")
        report = makeReport(.killLikeAPI)
        report.outcome.swarm?.requests.unanswered = 7
        #expect(LikesChecker.verdict(on: report, failure: nil).status == .fine)
        report.samples[1].updates = 50
        #expect(LikesChecker.verdict(on: report, failure: nil).status == .auditFailed, "no viewer was told again")
        report.samples[1] = report.samples[0]
        #expect(LikesChecker.verdict(on: report, failure: nil).status == .auditFailed, "nothing was acknowledged again")
        report = makeReport(.killLikeAPI)
        report.faultLog.marks = []
        #expect(LikesChecker.verdict(on: report, failure: nil).status == .unavailable)
        report = makeReport()
        report.outcome.swarm?.requests.acknowledged = 0
        #expect(LikesChecker.verdict(on: report, failure: nil).status == .unavailable)
    }

    @Test func textsTellWhatWasFound() {
        var report = makeReport(.likesLoseRedis).report(nil)
        #expect(report.markdown().contains("| p1 | 12 | 10 | 10 | 10 | 10 | 10 | 0 |"))
        #expect(report.text().contains("a like is acknowledged and told"))
        #expect(report.samplesCSV().split(separator: "\n").count == 3)
        #expect(report.charts.count == 4 && report.tables.count == 1)
        var suite = makeBase("drills")
        suite.gather([("likes-lose-redis", report)], groups: ["Likes"])
        #expect(suite.verdict.status == .fine && suite.markdown().contains("likes-lose-redis"))
        report.verdict.checks[1].passed = false
        suite.gather([("again", report)], groups: ["Likes"])
        #expect(suite.verdict.status == .auditFailed)
    }
}
