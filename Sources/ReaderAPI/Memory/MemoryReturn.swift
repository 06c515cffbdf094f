import CKernel
import Fanout
import ServiceLifecycle

/// Gives the allocator's free pages back to the kernel after waves of viewers; see ``ReturnSchedule``.
struct MemoryReturn: Service {
    let hub: Hub

    func run() async {
        await cancelWhenGracefulShutdown {
            var schedule = ReturnSchedule()
            while !Task.isCancelled {
                do { try await Task.sleep(for: .seconds(1)) } catch { return }
                let counters = hub.counters
                let left = counters.connectionsTotal - counters.connections
                if schedule.isDue(changes: counters.connectionsTotal + left) { chorus_return_free_memory() }
            }
        }
    }
}
