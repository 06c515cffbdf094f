import Glibc
import Report
import UnixSignals

/// The frame of every scenario: children that end with it, deaths that end it, signals that stop it in order.
enum ExperimentRunner {
    /// Runs `body` on a testbed; afterwards everything is stopped and the servers' data is gone.
    ///
    /// - Throws: ``Failure/died(_:)`` when a process died, ``Failure/interrupted`` after SIGINT, SIGTERM or SIGHUP, and
    ///   what `body` throws. A second signal ends this process at once, and the kernel ends the children.
    static func run(
        folders: Folders, binaries: Binaries, body: @escaping @Sendable (Testbed) async throws -> Void
    ) async throws {
        defer { folders.removeData() }
        let (interruptions, input) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingOldest(1))
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                var count = 0
                for await _ in signals {
                    count += 1
                    if count > 1 { _exit(ExitStatus.interrupted.rawValue) }
                    input.yield()
                }
            }
            defer { group.cancelAll() }
            try await Supervisor.with(launcher: binaries.launcher) { supervisor in
                let testbed = Testbed(supervisor: supervisor, folders: folders, binaries: binaries)
                try await watch(supervisor, interruptions) { try await body(testbed) }
            }
        }
    }

    private enum Event: Sendable {
        case finished
        case failed(any Error)
        case died(ChildDeath)
        case interrupted
        /// A watcher has nothing to watch any more.
        case quiet
    }

    private static func watch(
        _ supervisor: Supervisor, _ interruptions: AsyncStream<Void>, body: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Event.self) { group in
            group.addTask {
                do { try await body() } catch { return .failed(error) }
                return .finished
            }
            group.addTask {
                for await death in supervisor.deaths { return .died(death) }
                return .quiet
            }
            group.addTask {
                for await _ in interruptions { return .interrupted }
                return .quiet
            }
            group.addTask {
                while !Task.isCancelled {
                    supervisor.takeSamples()
                    try? await Task.sleep(for: .milliseconds(250))
                }
                return .quiet
            }
            defer { group.cancelAll() }
            try await firstOutcome(of: &group, supervisor)
        }
    }

    private static func firstOutcome(of group: inout ThrowingTaskGroup<Event, any Error>, _ supervisor: Supervisor)
        async throws
    {
        while let event = try await group.next() {
            switch event {
            case .finished: return
            case .died(let death): throw Failure.died(death)
            case .interrupted: throw Failure.interrupted
            case .failed(let error):
                // Whoever talks to a process notices its death sooner than its supervisor: name the cause, not the symptom.
                let death = try? await Polling.wait(atMost: .milliseconds(300)) { supervisor.firstDeath }
                if let death { throw Failure.died(death) }
                throw error
            case .quiet: continue
            }
        }
    }
}
