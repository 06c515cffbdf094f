internal import Wire

/// The event for what cannot be recovered: `event: gap`, `data: {"from":18,"to":240,"reason":"expired"}`.
///
/// Its id is the position after the gap: whoever recovers from there does not get it again.
struct Gap: Equatable {
    enum Reason: String {
        /// Trimmed, expired, evicted, or lost by Redis.
        case expired
        /// The history was lost as a whole; positions of the old one mean nothing now. There is no `to`.
        case epochChanged = "epoch_changed"
        /// The viewer's position cannot be read, or is not one of this channel (any more): its stream goes on at another.
        case unknownPosition = "unknown_position"
        /// The history does not answer for it.
        case unreadable
    }

    var from: UInt64?
    var to: UInt64?
    var reason: Reason
    /// Where the stream goes on.
    var at: Position

    /// The offsets of `range` are gone.
    static func expired(_ range: ClosedRange<UInt64>, epoch: String) -> Gap {
        Gap(
            from: range.lowerBound, to: range.upperBound, reason: .expired,
            at: Position(offset: range.upperBound, epoch: epoch))
    }

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
