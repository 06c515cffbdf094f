import Audience
import Primitives
import Report
import Testbed
import Wire

extension DrillResult {
    var parts: [String] { drill.passes.map(\.folder) }

    func run(_ part: Int, in testbed: Testbed, _ gathered: Locked<Self>, _ runner: ExperimentRunner) async throws {
        let pass = drill.passes[part]
        gathered.update { $0.passes.append(Pass(name: pass.name)) }
        let setup = settings.setup(drill, pass, swarms: swarms)
        try await DrillRun(drill: drill, setup: setup, recorder: gathered, progress: runner.progress).run(in: testbed)
    }
}

/// One pass of a drill: a crowd that watches and writes, a fault in the middle, and the audit at the end.
private struct DrillRun: Sendable {
    let drill: Drill
    let setup: ExperimentSetup
    let recorder: Locked<DrillResult>
    let progress: Progress

    func run(in testbed: Testbed) async throws {
        let services = try await Services.start(setup, in: testbed)
        let load = try await CommentLoad.start(services, progress: progress)
        try await load.crowd.listening {
            let connections = try await load.connect()
            recorder.last(\.passes) { $0.connections = connections }
            recorder.last(\.passes) { $0.start = WallClock.microseconds() }
            try await load.publish(atMost: .seconds(60), watch: take) { try await strike(services) }
            let whole = try await load.settle()
            let coordinator = load.crowd.coordinator
            let taken = coordinator.published.values.reduce(0) { $0 + $1.atTakenPositions }
            recorder.last(\.passes) { pass in
                pass.swarm = whole
                pass.faultLog.facts.append(
                    DrillFact(name: "positions given to two comments", value: taken, promised: 0...0))
            }
            // What `GET /history` says afterwards.
            guard services.postgres != nil, let api = services.commentAPIs.last else { return }
            let check = try await HistoryAudit(client: ServiceClient(api)).check(coordinator.written)
            recorder.last(\.passes) { $0.history = check }
        }
    }

    /// Publishing goes on until the crowd has recovered, and some seconds more.
    private func strike(_ services: Services) async throws {
        try await Task.sleep(for: DrillSettings.calm)
        let injector = FaultInjector(
            services: services, progress: progress,
            seconds: { Double(WallClock.microseconds() - (recorder.value.passes.last?.start ?? 0)) / 1e6 },
            crowd: { recorder.value.passes.last?.samples.last ?? DrillResult.Sample() },
            log: { change in recorder.last(\.passes) { change(&$0.faultLog) } })
        try await drill.strike(injector)
        try await Task.sleep(for: DrillSettings.after)
        try await Polling.until(
            atMost: DrillSettings.recoveryWaited - DrillSettings.after, every: .milliseconds(100)
        ) { recorder.value.passes.last?.recoverySeconds != nil }
    }

    /// Keeps what the swarms told, unless it is known.
    @Sendable private func take(_ now: SwarmCoordinator) {
        guard let crowd = now.crowd else { return }
        recorder.last(\.passes) { pass in
            guard crowd.at > pass.latest, pass.samples.count < DrillResult.samplesMax else { return }
            pass.latest = crowd.at
            pass.samples.append(
                DrillResult.Sample(
                    seconds: Double(crowd.at - pass.start) / 1e6, acknowledged: now.acknowledged,
                    unacknowledged: crowd.unacknowledged, delivered: now.delivered, away: crowd.away,
                    behind: crowd.behind,
                    wholeThrough: crowd.wholeThrough == 0 ? -1 : Double(crowd.wholeThrough - pass.start) / 1e6,
                    attempts: crowd.attempts, connects: crowd.connects))
        }
    }
}
