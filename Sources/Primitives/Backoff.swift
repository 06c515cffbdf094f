/// How long to wait before the next attempt: exponential, with full jitter and a cap. Pure.
///
/// Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: full jitter needs the fewest calls
/// when many clients come back at once.
public struct Backoff: Equatable, Sendable {
    /// The upper end of the first wait; it doubles with each attempt.
    public var base: Duration
    /// The upper end of every wait.
    public var cap: Duration
    /// Attempts since the last success.
    public private(set) var attempts: Int

    /// - Parameter attempts: those made before, when somebody else has counted them; 0 or more.
    public init(base: Duration = .milliseconds(50), cap: Duration = .seconds(2), attempts: Int = 0) {
        self.base = base
        self.cap = cap
        self.attempts = max(0, attempts)
    }

    /// The upper end of the next wait.
    public var bound: Duration { bound(ofAttempt: attempts + 1) }

    /// The upper end of the wait before attempt `number`; 1 is the first one.
    public func bound(ofAttempt number: Int) -> Duration { min(cap, base * (1 << min(max(number - 1, 0), 30))) }

    /// The next wait: from zero up to ``bound``.
    public mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        defer { attempts += 1 }
        return bound * Double.random(in: 0...1, using: &generator)
    }

    public mutating func next() -> Duration {
        var generator = SystemRandomNumberGenerator()
        return next(using: &generator)
    }

    /// After a success: begin with the shortest wait again.
    public mutating func reset() { attempts = 0 }
}
