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
}

extension Duration {
    /// As a number.
    public var seconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}
