internal import Primitives

/// Waiting for what the loops of a generator come to.
enum LoopReply {
    /// A reply of a loop that does not come in this time never comes.
    private static let replySeconds = 30.0

    private final class Slot<Value: Sendable>: Sendable {
        let value = Mutex<Value?>(nil)
    }

    /// Waits until `condition` holds; `false` when it did not in time, or the task was cancelled.
    static func wait(seconds: Double, until condition: () -> Bool) async -> Bool {
        let end = MonotonicClock.now() + UInt64(min(seconds, 1e9) * 1e9)
        while !condition() {
            guard MonotonicClock.now() < end, (try? await Task.sleep(for: .milliseconds(10))) != nil
            else { return false }
        }
        return true
    }

    /// What a loop answers; `nil` when it has stopped, or takes too long.
    static func of<Value: Sendable>(_ ask: (@escaping @Sendable (Value) -> Void) -> Bool) async -> Value? {
        let answer = Slot<Value>()
        guard ask({ value in answer.value.withLock { $0 = value } }) else { return nil }
        _ = await wait(seconds: replySeconds) { answer.value.withLock { $0 != nil } }
        return answer.value.withLock { $0 }
    }
}
