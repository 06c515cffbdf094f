import Primitives

/// Work that is done once for everybody who asks for it meanwhile.
final class SharedCalls<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let tasks = Mutex<[Key: Task<Result<Value, LikeError>, Never>]>([:])

    func run(
        _ key: Key, _ work: @escaping @Sendable () async throws(LikeError) -> Value
    ) async throws(LikeError) -> Value {
        // Not a child task: it serves everybody who asks for it meanwhile, whatever becomes of the first.
        let task = tasks.withLock { tasks in
            if let task = tasks[key] { return task }
            let task = Task {
                let result: Result<Value, LikeError>
                do throws(LikeError) {
                    result = .success(try await work())
                } catch {
                    result = .failure(error)
                }
                _ = self.tasks.withLock { $0.removeValue(forKey: key) }
                return result
            }
            tasks[key] = task
            return task
        }
        return try await task.value.get()
    }
}
