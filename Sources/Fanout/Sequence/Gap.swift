internal import Wire

/// Tells viewers what cannot be had any more: `event: gap`, `data: {"from":18,"to":240,"reason":"expired"}`.
///
/// Its id is the position after the gap, so that whoever resumes from here is not told again.
struct Gap: Equatable {
    enum Reason: String {
        /// Trimmed, expired, evicted, or lost by Redis.
        case expired
        /// The history was lost as a whole; positions of the old one mean nothing now. There is no `to`.
        case epochChanged = "epoch_changed"
        /// The position that the viewer named is none, or not one of this channel: it goes on from now.
        case unknownPosition = "unknown_position"
        /// The history does not answer for it.
        case unreadable
    }

    var from: UInt64?
    var to: UInt64?
    var reason: Reason
    /// Where the stream goes on.
    var at: Position

    /// The history of `old` is lost; the stream goes on after `at`, in another one.
    static func lostEpoch(after old: Position, goingOnAt at: Position) -> Gap {
        Gap(from: old.offset + 1, reason: .epochChanged, at: at)
    }

    var frame: Frame {
        var data = JSONText(capacity: 80)
        if let from { data.member("from", from) }
        if let to { data.member("to", to) }
        data.member("reason", reason.rawValue)
        return Frame(EventStream.frame(data: data.finished(), event: "gap", id: at), kind: .notice(at))
    }
}
