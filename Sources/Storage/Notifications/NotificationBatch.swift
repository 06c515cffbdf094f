import Wire

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
            && RecordTime.range.contains(event.at)
    }
}
