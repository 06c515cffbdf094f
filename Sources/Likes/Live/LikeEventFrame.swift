import Wire

/// The state event that carries a photo's count.
public enum LikeEventFrame {
    /// `event: likes`, `data: {"photoid":"p9","count":1204,"version":88}`.
    public static func frame(photo: String, _ total: PhotoTotal) -> [UInt8] {
        var object = JSONText(capacity: 96)
        object.member("photoid", photo)
        object.member("count", total.count)
        object.member("version", total.version)
        return EventStream.frame(data: object.finished(), event: "likes")
    }
}
