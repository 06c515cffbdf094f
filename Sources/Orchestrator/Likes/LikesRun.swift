import Audience
import Foundation
import RedisNIO
import Report
import Testbed

/// People like photos while viewers watch the counts; a fault in the middle, if there is one; then everything is compared.
struct LikesRun: Sendable {
    let drill: Drill?
    let settings: LikesSettings
    let recorder: LikesRecorder
    let progress: Progress

    func run(in testbed: Testbed) async throws {
        recorder.update { $0.testbed = testbed }
        let services = try await DrillServices.likes(DrillLayout(drill), settings, in: testbed)
        let probe = RedisProbe(services.redis)
        let before = LikesRun.memory(try await probe.info())
        let crowd = LikesCrowd(
            try await testbed.addClient(
                .swarm, name: "likes",
                arguments: settings.arguments(likeAPIs: services.likeAPIs, readers: services.readers)),
            took: took)
        try await crowd.listening {
            try await like(crowd, services)
            try await audit(crowd, services)
        }
        let after = try await probe.info()
        recorder.update {
            $0.base.environment.redis = after["redis_version"]
            $0.redis = LikesResult.Redis(memoryBefore: before, memoryAfter: LikesRun.memory(after))
        }
    }

    private static func memory(_ info: RedisInfo) -> Int { info["used_memory"].flatMap { Int($0) } ?? 0 }

    private func took(_ message: LikesMessage) {
        recorder.take(message)
        progress.update(
            "  \(Format.grouped(message.users ?? 0)) users, \(Format.grouped(message.acknowledged ?? 0)) acknowledged")
    }

    private func like(_ crowd: LikesCrowd, _ services: DrillServices) async throws {
        let connected = try await crowd.reach("connected", atMost: .seconds(90)) { $0.connected }
        progress.step("  \(Format.grouped(connected)) viewers connected")
        recorder.update { $0.start = .now }
        try await crowd.say("start")
        if let drill {
            try await Task.sleep(for: .seconds(settings.calmSeconds))
            try await drill.strike(
                FaultInjector(
                    services: services, settings: DrillSettings(),
                    tell: { kind, text in
                        recorder.mark(kind, text)
                        progress.step("  \(text)")
                    },
                    found: { fact in recorder.update { $0.facts.append(fact) } },
                    crowd: { (recorder.value.samples.last?.acknowledged ?? 0, 0, 0) }, moved: { _ in }))
            try await Task.sleep(for: .seconds(settings.afterSeconds))
            try await crowd.say("stop")
        }
    }

    private func audit(_ crowd: LikesCrowd, _ services: DrillServices) async throws {
        // Ten million at the slowest that was ever seen take an hour.
        let swarm = try await crowd.reach("report", atMost: .seconds(7_200)) { $0.report }
        let audit = LikeAudit(redisPort: services.redis.port, databaseURL: services.serviceEnvironment.database)
        progress.step("  waiting until PostgreSQL has everything")
        let seconds = try await audit.drain(atMost: .seconds(LikesSettings.drainSecondsMax)) { left in
            progress.update("  \(Format.grouped(left)) changes left")
        }
        let photos = try await audit.compare(swarm.photos)
        var bare = swarm
        bare.photos = [:]
        let told = bare
        recorder.update { $0.outcome = LikesResult.Outcome(swarm: told, photos: photos, drainSeconds: seconds) }
    }
}
