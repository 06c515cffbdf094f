import Foundation
import Testbed

import struct Synchronization.Atomic

/// Work that blocks, on a thread of its own: the threads of tasks are as many as cores.
enum Blocking {
    /// - Parameter body: asks `isCancelled` now and then.
    static func run<Answer: Sendable>(
        _ body: @escaping @Sendable (_ isCancelled: @Sendable () -> Bool) throws -> Answer
    ) async throws -> Answer {
        let cancelled = CancelMark()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                Thread.detachNewThread {
                    continuation.resume(with: Result { try body { cancelled.isSet } })
                }
            }
        } onCancel: {
            cancelled.set()
        }
    }

    private final class CancelMark: Sendable {
        private let mark = Atomic(false)
        var isSet: Bool { mark.load(ordering: .relaxed) }
        func set() { mark.store(true, ordering: .relaxed) }
    }
}
