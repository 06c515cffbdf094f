import Primitives

/// Tasks that begin and end while others go on, all of them children of ``run()``.
final class TaskSet<Key: Hashable & Sendable>: Sendable {
    typealias Body = @Sendable () async -> Void

    private let started: AsyncStream<Body>
    private let start: AsyncStream<Body>.Continuation
    private let stops = Mutex<[Key: AsyncStream<Never>.Continuation]>([:])

    init() { (started, start) = AsyncStream.makeStream() }

    /// Runs what is added, until the task is cancelled. Call it once.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await body in started { group.addTask(operation: body) }
        }
    }

    /// A task that ends by itself.
    func add(_ body: @escaping Body) { start.yield(body) }

    /// A task that ``stop(_:)`` cancels, `grace` later.
    func add(_ key: Key, grace: Duration = .zero, _ body: @escaping Body) {
        let (stopped, stop) = AsyncStream<Never>.makeStream()
        stops.withLock { $0.updateValue(stop, forKey: key) }?.finish()
        start.yield {
            await withTaskGroup { group in
                group.addTask(operation: body)
                group.addTask {
                    for await _ in stopped {}
                    // Cancelled while sleeping: then it ends at once.
                    try? await Task.sleep(for: grace)
                }
                await group.next()
                group.cancelAll()
            }
        }
    }

    func stop(_ key: Key) { stops.withLock { $0.removeValue(forKey: key) }?.finish() }
}
