internal import Primitives
internal import SocketLoop

/// A handler whose commands are calls: what somebody else wants of it runs on its loop's thread.
protocol LoopWorker: SocketLoopHandler where Command == LoopCall<Self> {}

struct LoopCall<Worker>: Sendable {
    let body: @Sendable (Worker, Sockets) -> Void
}

extension SocketLoop where Handler: LoopWorker {
    /// Lets the loop's thread call `body`. `false`: the loop has stopped, or its mailbox is full.
    ///
    /// - Parameter weight: what the call takes of the mailbox.
    @discardableResult
    func call(weight: Int = 0, _ body: @escaping @Sendable (Handler, Sockets) -> Void) -> Bool {
        submit(LoopCall(body: body), weight: weight)
    }

    /// What `body` returns on the loop's thread; `nil` when the loop has stopped, or takes longer than 30 s.
    func ask<Value: Sendable>(_ body: @escaping @Sendable (Handler, Sockets) -> Value) async -> Value? {
        let answer = Board<Value?>(nil)
        guard call({ answer.now = body($0, $1) }) else { return nil }
        _ = await Waiting.wait(seconds: 30) { answer.now != nil }
        return answer.now
    }
}

/// What a loop lets other threads look at.
final class Board<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    var now: Value {
        get { value.withLock { $0 } }
        set { value.withLock { $0 = newValue } }
    }

    func update(_ body: (inout Value) -> Void) { value.withLock { body(&$0) } }
}

enum Waiting {
    /// Waits until `condition` holds; `false` when it did not in time, or the task was cancelled.
    static func wait(seconds: Double, every pause: Double = 0.01, until condition: () -> Bool) async -> Bool {
        let end = MonotonicClock.now() + UInt64(min(seconds, 1e9) * 1e9)
        while !condition() {
            guard MonotonicClock.now() < end, await sleep(pause) else { return false }
        }
        return true
    }

    /// `false` when the task was cancelled.
    static func sleep(_ seconds: Double) async -> Bool { (try? await Task.sleep(for: .seconds(seconds))) != nil }
}
