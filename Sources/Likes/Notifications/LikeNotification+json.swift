public import Storage
import Wire

extension LikeNotification {
    /// "user9 and 41 others liked your photo".
    public var text: String {
        switch likers {
        case ...1: "\(newestUser) liked your photo"
        case 2: "\(newestUser) and 1 other liked your photo"
        default: "\(newestUser) and \(likers - 1) others liked your photo"
        }
    }

    /// As events and answers carry it.
    public var json: [UInt8] {
        var object = JSONText(capacity: 256)
        object.member("id", id)
        object.member("type", "likes")
        object.member("photoid", photo)
        object.member("text", text)
        object.member("likers", likers)
        object.member("newest_user_id", newestUser)
        object.member("newest_at", Timestamp.text(millisecondsSinceEpoch: newestAt / 1_000))
        object.member("window_start", Timestamp.text(millisecondsSinceEpoch: windowStart / 1_000))
        object.member("unread", isUnread)
        return object.finished()
    }
}
