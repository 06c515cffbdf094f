internal import UnixSignals

/// Runs work until it ends or somebody wants the program to end.
enum Interruptible {
    /// The exit status of `work`, which is cancelled by SIGINT and SIGTERM; then 130, whatever it returns.
    static func run(_ work: @escaping @Sendable () async -> Int32) async -> Int32 {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        return await withTaskGroup(of: Int32?.self) { group in
            group.addTask { await work() }
            group.addTask {
                for await _ in signals { return ExitStatus.interrupted }
                return nil
            }
            // The first to end decides; the other is cancelled and waited for, so that the loops are stopped.
            var status: Int32?
            for await ended in group {
                status = status ?? ended
                if status != nil { group.cancelAll() }
            }
            return status ?? ExitStatus.internalError
        }
    }
}
