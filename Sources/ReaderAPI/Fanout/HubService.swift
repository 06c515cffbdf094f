import Fanout
import ServiceLifecycle

/// Runs the hub, and empties it before the process ends.
struct HubService: Service {
    let hub: Hub
    let drain: Duration
    let retryMax: Duration

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await hub.run() }
            group.addTask {
                // Throws when the task is cancelled, which is the other way to end.
                try await gracefulShutdown()
                await empty()
            }
            try await group.next()
            group.cancelAll()
        }
    }

    /// Viewers are moved elsewhere, spread over the time of the drain; comments go on arriving meanwhile.
    private func empty() async {
        hub.drain(over: drain, retryMax: retryMax)
        let end = ContinuousClock.now + drain + .seconds(1)
        while hub.counters.connections > 0, ContinuousClock.now < end {
            do { try await Task.sleep(for: .milliseconds(50)) } catch { return }
        }
    }
}
