import NIOCore
import Synchronization

/// The connections that stand, and who waits for one.
final class ConnectionPool: Sendable {
    private typealias Waiter = CheckedContinuation<RedisConnection?, Never>

    private struct State {
        var connections: [RedisConnection] = []
        var next = 0
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0
        var isShutDown = false
        var lastFailure: RedisError?
    }

    private let state = Mutex(State())
    private let eventLoop: any EventLoop

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    var isEmpty: Bool { state.withLock { $0.connections.isEmpty } }

    /// Why the last attempt to connect failed; `nil` after a success.
    var lastFailure: RedisError? { state.withLock { $0.lastFailure } }

    /// The next connection in turn.
    func pick() -> RedisConnection? {
        state.withLock { Self.pick(&$0) }
    }

    private static func pick(_ state: inout State) -> RedisConnection? {
        guard !state.connections.isEmpty else { return nil }
        state.next = (state.next + 1) % state.connections.count
        return state.connections[state.next]
    }

    /// The next connection in turn, or the first to come within `wait`.
    func pick(within wait: Duration, waitersMax: Int) async -> RedisConnection? {
        if let connection = pick() { return connection }
        return await withCheckedContinuation { (continuation: Waiter) in
            let (id, connection) = enqueue(continuation, waitersMax: wait > .zero ? waitersMax : 0)
            guard let id else { return continuation.resume(returning: connection) }
            eventLoop.scheduleTask(in: TimeAmount(wait)) { self.expire(id) }
        }
    }

    private func enqueue(_ waiter: Waiter, waitersMax: Int) -> (Int?, RedisConnection?) {
        state.withLock { state in
            if let connection = Self.pick(&state) { return (nil, connection) }
            guard !state.isShutDown, state.waiters.count < waitersMax else { return (nil, nil) }
            state.nextWaiter += 1
            state.waiters[state.nextWaiter] = waiter
            return (state.nextWaiter, nil)
        }
    }

    private func expire(_ id: Int) {
        state.withLock { $0.waiters.removeValue(forKey: id) }?.resume(returning: nil)
    }

    func add(_ connection: RedisConnection) {
        let waiters = state.withLock { state in
            state.connections.append(connection)
            state.lastFailure = nil
            defer { state.waiters = [:] }
            return state.waiters.values.map { $0 }
        }
        for waiter in waiters { waiter.resume(returning: connection) }
    }

    func remove(_ connection: RedisConnection) {
        state.withLock { $0.connections.removeAll { $0 === connection } }
    }

    func failed(_ error: RedisError) {
        state.withLock { $0.lastFailure = error }
    }

    func closeAll() {
        for connection in state.withLock({ $0.connections }) { connection.close() }
    }

    func shutDown() {
        let waiters = state.withLock { state in
            state.isShutDown = true
            defer { state.waiters = [:] }
            return state.waiters.values.map { $0 }
        }
        for waiter in waiters { waiter.resume(returning: nil) }
        closeAll()
    }
}
