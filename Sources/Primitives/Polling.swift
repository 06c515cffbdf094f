/// Asks again and again until there is an answer or the time is over.
public enum Polling {
    /// The first answer of `probe` that is not `nil`; `nil` when `limit` has passed. `probe` is asked at least once.
    ///
    /// - Throws: what `probe` throws, and `CancellationError`.
    public static func wait<Answer: Sendable>(
        atMost limit: Duration, every pause: Duration = .milliseconds(20), for probe: () async throws -> Answer?
    ) async throws -> Answer? {
        let clock = ContinuousClock()
        let deadline = clock.now + limit
        while true {
            if let answer = try await probe() { return answer }
            guard clock.now < deadline else { return nil }
            try await clock.sleep(for: pause)
        }
    }

    /// Whether `condition` came to hold before `limit` had passed.
    @discardableResult
    public static func until(
        atMost limit: Duration, every pause: Duration = .milliseconds(20), _ condition: () async throws -> Bool
    ) async throws -> Bool {
        try await wait(atMost: limit, every: pause) { try await condition() ? true : nil } ?? false
    }

    /// For a loop that ends with its task: `false` when that was cancelled.
    public static func pause(_ duration: Duration) async -> Bool { (try? await Task.sleep(for: duration)) != nil }
}

extension Duration {
    /// As a number.
    public var seconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}
