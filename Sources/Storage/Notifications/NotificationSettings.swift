/// How likes are grouped.
public struct NotificationSettings: Equatable, Sendable {
    /// Likes of one photo within this are one notification; at least 1 s.
    public var window: Duration = .seconds(3600)
    /// Distinct users that are counted; more leave the notification as it is, so that a photo that everybody likes
    /// costs no second row for each like.
    public var likersMax = 10_000

    public init() {}

    /// The start of the window in which `time` is; both in microseconds since 1970-01-01T00:00:00Z.
    func windowStart(of time: Int64) -> Int64 {
        let length = max(window.microseconds, 1_000_000)
        let (quotient, remainder) = time.quotientAndRemainder(dividingBy: length)
        return (remainder < 0 ? quotient - 1 : quotient) * length
    }
}
