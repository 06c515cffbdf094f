/// How long to wait before the next attempt to connect: exponential, with full jitter and a cap. Pure.
///
/// Source: "Exponential Backoff and Jitter", AWS Architecture Blog, 2015: full jitter needs the fewest calls when many
/// clients come back at once.
public struct RedisBackoff: Sendable {
    /// The upper end of the first wait.
    public var base: Duration
    /// The upper end of every wait.
    public var cap: Duration

    private var attempt = 0

    public init(base: Duration = .milliseconds(50), cap: Duration = .seconds(2)) {
        self.base = base
        self.cap = cap
    }

    /// The next wait: from zero up to the upper end, which doubles with each call until the cap.
    public mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        let upper = min(cap, base * (1 << min(attempt, 30)))
        attempt += 1
        return upper * Double.random(in: 0...1, using: &generator)
    }

    /// The connection has proven itself: begin with the shortest wait again.
    public mutating func reset() { attempt = 0 }
}
