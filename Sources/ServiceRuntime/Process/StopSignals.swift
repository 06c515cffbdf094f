import Glibc
import Logging
import ServiceLifecycle
import UnixSignals

/// SIGTERM and SIGINT: the first one stops in order, the second one at once.
enum StopSignals {
    /// Runs `operation` while signals stop `group`.
    static func withHandling(
        of group: ServiceGroup, logger: Logger, _ operation: @escaping @Sendable () async throws -> Void
    ) async throws {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                var isStopping = false
                for await signal in signals {
                    if isStopping {
                        logger.warning("stopped before everything was in order", metadata: ["signal": "\(signal)"])
                        _exit(ExitCode.interrupted.rawValue)
                    }
                    isStopping = true
                    logger.info("stopping", metadata: ["signal": "\(signal)"])
                    await group.triggerGracefulShutdown()
                }
            }
            defer { tasks.cancelAll() }
            try await operation()
        }
    }
}
