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
        let answer = Locked<Value?>(nil)
        guard call({ answer.value = body($0, $1) }) else { return nil }
        return try? await Polling.wait(atMost: .seconds(30), every: .milliseconds(10)) { answer.value }
    }
}
