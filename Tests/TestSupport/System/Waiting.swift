import Dispatch
public import Logging

public let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Runs what blocks off the threads of Swift's concurrency.
public func blocking(_ body: @escaping @Sendable () -> Void) async {
    await withCheckedContinuation { continuation in
        DispatchQueue.global().async {
            body()
            continuation.resume()
        }
    }
}

/// The error that `body` throws, when it is a `Failure`.
public func thrown<Failure: Error>(
    _ type: Failure.Type = Failure.self, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Void
) async -> Failure? {
    do {
        try await body()
        return nil
    } catch {
        return error as? Failure
    }
}
/// Waits until `condition` holds, looking every few milliseconds.
///
/// A condition that throws does not hold yet.
///
/// - Returns: whether it came to hold within `seconds`; use it in an expectation.
public func eventually(
    within seconds: Double = 10, isolation: isolated (any Actor)? = #isolation, _ condition: () async throws -> Bool
) async -> Bool {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < deadline {
        if (try? await condition()) == true { return true }
        // A cancelled wait looks again at once, until its time is up.
        try? await Task.sleep(for: .milliseconds(5))
    }
    return (try? await condition()) == true
}

/// Runs `end` after `body`, whatever happened.
public func withEnd<Value>(
    _ end: () async -> Void, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Value
) async throws -> Value {
    do {
        let value = try await body()
        await end()
        return value
    } catch {
        await end()
        throw error
    }
}

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
