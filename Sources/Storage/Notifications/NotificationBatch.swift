import Wire

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

/// The events of a batch that may count, each photo, window and user once, newest first kept; pure.
struct NotificationBatch {
    struct Row: Hashable {
        let event: LikeEvent
        let window: Int64
    }

    private struct Key: Hashable {
        let photo: String
        let window: Int64
        let user: String
    }

    let rows: [Row]

    init(_ events: [LikeEvent], settings: NotificationSettings) {
        var newest: [Key: Row] = [:]
        for event in events where event.user != event.owner && NotificationBatch.isValid(event) {
            let row = Row(event: event, window: settings.windowStart(of: event.at))
            let key = Key(photo: event.photo, window: row.window, user: event.user)
            if let other = newest[key], other.event.at >= event.at { continue }
            newest[key] = row
        }
        rows = newest.values.sorted { left, right in
            (left.event.photo, left.window, left.event.user) < (right.event.photo, right.window, right.event.user)
        }
    }

    private static func isValid(_ event: LikeEvent) -> Bool {
        Identifier.isValid(event.photo) && Identifier.isValid(event.owner) && Identifier.isValid(event.user)
            && TimestampRange.all.contains(event.at)
    }
}
