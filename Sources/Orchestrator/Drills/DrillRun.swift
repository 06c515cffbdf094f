import Audience
import Foundation
import Report
import Testbed
import Wire

/// One pass of a drill: a crowd that watches and writes, a fault in the middle, and the audit at the end.
struct DrillRun: Sendable {
    let drill: Drill
    let pass: DrillPass
    let settings: DrillSettings
    let swarms: Int
    let recorder: DrillRecorder
    let progress: Progress

    func run(in testbed: Testbed) async throws {
        let layout = DrillLayout(drill, settings)
        let services = try await DrillServices.comments(
            layout, settings, usesPostgres: settings.usesPostgres(drill), in: testbed)
        let crowd = LoadGeneratorGroup(
            try await services.startSwarms(swarms, settings, options: layout.swarmOptions + pass.swarm))
        try await crowd.listening {
            try await connect(crowd)
            try await publish(crowd, services)
            try await settle(crowd)
            try await inspect(crowd, services)
        }
    }

    private func connect(_ crowd: LoadGeneratorGroup) async throws {
        try await crowd.reach(.connected, atMost: .seconds(30 + settings.viewers / 50)) { _ in }
        let now = crowd.coordinator
        recorder.update {
            $0.connections = RunResult.Connections(
                wanted: settings.viewers, connected: now.connected, failed: now.failed, seconds: now.connectSeconds)
        }
        progress.step(
            "  \(Format.grouped(now.connected)) viewers connected in \(Format.decimal(now.connectSeconds, 1)) s")
    }

    /// Publishing goes on until the crowd is whole again, and some seconds more.
    private func publish(_ crowd: LoadGeneratorGroup, _ services: DrillServices) async throws {
        recorder.begin()
        try await crowd.say(SwarmCoordinator.start)
        try await watching(crowd) {
            try await Task.sleep(for: .seconds(settings.calmSeconds))
            let injector = FaultInjector(
                services: services, settings: settings,
                tell: { kind, text in
                    recorder.mark(kind, text)
                    progress.step("  \(text)")
                },
                found: { fact in recorder.update { $0.facts.append(fact) } },
                crowd: { recorder.pass.samples.last.map { ($0.acknowledged, $0.connects, $0.away) } ?? (0, 0, 0) },
                moved: { change in recorder.update { $0.changes = ($0.changes ?? []) + [change] } })
            try await drill.strike(injector)
            try await Task.sleep(for: .seconds(settings.afterSeconds))
            let patience = DrillSettings.recoverySecondsWaited - settings.afterSeconds
            _ = try await Polling.wait(atMost: .seconds(patience), every: .milliseconds(100)) {
                recorder.pass.recoverySeconds
            }
        }
        try await crowd.say(SwarmCoordinator.stop)
        try await crowd.reach(.published, atMost: .seconds(60)) { _ in }
    }

    /// Runs `body` while samples are taken.
    private func watching(_ crowd: LoadGeneratorGroup, _ body: @escaping @Sendable () async throws -> Void) async throws
    {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    let now = crowd.coordinator
                    if let state = now.crowd {
                        recorder.take(state, acknowledged: now.acknowledged, delivered: now.delivered)
                    }
                    try? await Task.sleep(for: .milliseconds(20))
                }
            }
            defer { group.cancelAll() }
            try await body()
        }
    }

    private func settle(_ crowd: LoadGeneratorGroup) async throws {
        let whole = try await crowd.report()
        let taken = crowd.coordinator.published.values.reduce(0) { $0 + $1.atTakenPositions }
        recorder.update { pass in
            pass.swarm = whole
            pass.facts.append(DrillFact(name: "positions given to two comments", value: taken, promised: 0...0))
        }
    }

    /// What `GET /history` says afterwards.
    private func inspect(_ crowd: LoadGeneratorGroup, _ services: DrillServices) async throws {
        guard services.postgres != nil, let api = services.commentAPIs.last else { return }
        let check = try await HistoryAudit(client: ServiceClient(api)).check(crowd.coordinator.written)
        recorder.update { $0.history = check }
    }
}
