import CKernel
import Fanout
import ServiceLifecycle

/// Runs the hub, and drains it before the process ends.
struct HubService: Service {
    let hub: Hub
    let drain: Duration

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await hub.run() }
            group.addTask {
                // Throws when the task is cancelled, which is the other way to end.
                try await gracefulShutdown()
                await drainHub()
            }
            try await group.next()
            group.cancelAll()
        }
    }

    /// Viewers are disconnected one after the other over the time of the drain; comments still arrive meanwhile.
    private func drainHub() async {
        hub.drain(over: drain)
        let end = ContinuousClock.now + drain + .seconds(1)
        while hub.counters.connections > 0, ContinuousClock.now < end {
            do { try await Task.sleep(for: .milliseconds(50)) } catch { return }
        }
    }
}

/// Returns the allocator's free pages to the kernel after waves of viewers; see ``MemoryTrimSchedule``.
struct MemoryTrimmer: Service {
    let hub: Hub

    func run() async {
        await cancelWhenGracefulShutdown {
            var schedule = MemoryTrimSchedule()
            while !Task.isCancelled {
                do { try await Task.sleep(for: .seconds(1)) } catch { return }
                let counters = hub.counters
                let departures = counters.connectionsTotal - counters.connections
                if schedule.isDue(changes: counters.connectionsTotal + departures) { chorus_return_free_memory() }
            }
        }
    }
}

/// When free memory is returned to the kernel: after a wave of viewers, not in the middle of it. Pure.
///
/// A connect costs some kilobytes while HTTP has it, and some hundred bytes afterwards. The allocator keeps what a wave of
/// connects left in pieces, which would otherwise count for every viewer as long as the process lives.
struct MemoryTrimSchedule {
    /// So many connects and departures are a wave.
    static let changesMin = 512
    /// A second with fewer of them than this part of the wave is its end.
    static let quietPart = 50

    private var seen = 0
    private var since = 0

    /// - Parameter changes: connects and departures since the start of the process, asked for once a second.
    mutating func isDue(changes: Int) -> Bool {
        let fresh = changes - seen
        seen = changes
        since += fresh
        guard since >= Self.changesMin, fresh <= since / Self.quietPart else { return false }
        since = 0
        return true
    }
}
