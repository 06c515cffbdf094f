/// Runs `service` beside `body` and cancels it when `body` is done; waits for its end.
public func withBackground<Value: Sendable>(
    _ service: @escaping @Sendable () async throws -> Void, isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await service() }
        let value: Value
        do {
            value = try await body()
        } catch {
            group.cancelAll()
            throw error
        }
        group.cancelAll()
        while let result = await group.nextResult() {
            if case .failure(let error) = result, !(error is CancellationError) { throw error }
        }
        return value
    }
}
