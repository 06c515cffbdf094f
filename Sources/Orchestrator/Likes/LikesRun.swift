import Audience
import Primitives
import RedisNIO
import Report
import Testbed

/// Users who like photos, and viewers who watch the counts: one generator process, from its start to the comparison of
/// what it knows with what Redis and PostgreSQL hold.
struct LikesLoad: Sendable {
    let services: Services
    let crowd: LikesCrowd

    /// - Parameter took: gets how far it is, again and again.
    static func start(
        _ services: Services, _ settings: LikesSettings,
        took: @escaping @Sendable (LikesResult.Sample) -> Void = { _ in }
    ) async throws -> LikesLoad {
        let node = try await services.testbed.addClient(
            .swarm, name: "likes", arguments: settings.arguments(services))
        return LikesLoad(services: services, crowd: LikesCrowd(node, took: took))
    }

    /// Runs `body` between the first like and the last.
    ///
    /// - Parameters:
    ///   - body: `nil` when the users come to their end by themselves.
    ///   - draining: gets how much PostgreSQL does not have yet.
    func accompany(
        draining: @escaping @Sendable (Int) -> Void = { _ in }, _ body: (@Sendable () async throws -> Void)?
    ) async throws -> LikesResult.Outcome {
        try await crowd.listening {
            _ = try await crowd.reach("connected", atMost: .seconds(90)) { $0.connected }
            try await crowd.say(GeneratorOrder.start.line)
            if let body {
                try await body()
                try await crowd.say(GeneratorOrder.stop.line)
            }
            // Ten million at the slowest that was ever seen take an hour.
            var swarm = try await crowd.reach("report", atMost: .seconds(body == nil ? 7_200 : 120)) { $0.report }
            let audit = LikeAudit(
                redis: try RedisEndpoint(parsing: services.told.redis), databaseURL: services.told.database)
            let limit = Duration.seconds(LikesSettings.drainSecondsMax)
            let seconds = services.postgres == nil ? nil : try await audit.drain(atMost: limit, told: draining)
            let photos = try await audit.compare(swarm.photos)
            swarm.photos = [:]
            return LikesResult.Outcome(swarm: swarm, photos: photos, drainSeconds: seconds)
        }
    }
}

extension LikesResult {
    func run(_ part: Int, in testbed: Testbed, _ gathered: Locked<Self>, _ runner: ExperimentRunner) async throws {
        try await LikesRun(drill: drill, settings: settings, recorder: gathered, progress: runner.progress).run(
            in: testbed)
    }
}

/// People like photos while viewers watch the counts; a fault in the middle, if there is one; then everything is compared.
private struct LikesRun: Sendable {
    let drill: Drill?
    let settings: LikesSettings
    let recorder: Locked<LikesResult>
    let progress: Progress

    func run(in testbed: Testbed) async throws {
        let services = try await Services.start(settings.setup(drill), in: testbed)
        let before = try await services.redisFigures().sum.memoryBytes
        let monitor = LiveMonitor(services)
        let load = try await LikesLoad.start(services, settings) { take($0, monitor) }
        var fault: (@Sendable () async throws -> Void)?
        if let drill { fault = { try await strike(drill, services) } }
        let outcome = try await withThrowingTaskGroup(of: Void.self) { [fault] group in
            group.addTask { await monitor.run(audience: nil) }
            defer { group.cancelAll() }
            return try await load.accompany(
                draining: { left in progress.update("  PostgreSQL: \(Format.grouped(left)) changes left") }, fault)
        }
        let (after, version) = try await services.redisFigures()
        recorder.update {
            $0.outcome = outcome
            $0.base.environment.redis = version
            $0.redis = LikesResult.Redis(memoryBefore: before, memoryAfter: after.memoryBytes)
        }
    }

    private func strike(_ drill: Drill, _ services: Services) async throws {
        recorder.update { $0.start = $0.start ?? .now }
        try await Task.sleep(for: LikesSettings.calm)
        let injector = FaultInjector(
            services: services, progress: progress,
            seconds: { (ContinuousClock.now - (recorder.value.start ?? .now)).seconds },
            crowd: { DrillResult.Sample(acknowledged: recorder.value.samples.last?.acknowledged ?? 0) },
            log: { change in recorder.update { change(&$0.faultLog) } })
        try await drill.strike(injector)
        try await Task.sleep(for: LikesSettings.after)
    }

    private func take(_ sample: LikesResult.Sample, _ monitor: LiveMonitor) {
        recorder.update { result in
            let start = result.start ?? .now
            result.start = start
            guard result.samples.count < LikesResult.samplesMax else { return }
            var sample = sample
            sample.seconds = (ContinuousClock.now - start).seconds
            result.samples.append(sample)
        }
        let samples = recorder.value.samples
        // As fast as it goes, and until everybody is done.
        progress.show(monitor.view(samples, settings))
    }
}
