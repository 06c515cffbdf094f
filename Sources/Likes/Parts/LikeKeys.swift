/// What likes keep in Redis, by name.
///
/// A photo's likers are split over the parts by a hash of the user, and everything of one part carries the part as its
/// hash tag. One call may therefore change many photos in one part, one hot photo is spread over all parts (and, on a
/// cluster, over its nodes), and there are as many change streams as parts, however many photos there are.
public enum LikeKeys {
    /// A hash: the number of parts, and whether there is a record behind Redis. All processes must agree on both.
    public static let settings = "likes:settings"
    /// A set of photos whose count a Reader could not find in Redis; LikeAPI answers with a state event.
    public static let wanted = "likes:wanted"
    /// A stream of likes for those who are to be told.
    public static let notifications = "likes:notifications"
    /// A stream of entries that could not be understood or stored, each with its reason.
    public static let poisoned = "likes:poisoned"

    /// Present for as long as no further count of the photo may be announced.
    static func announced(_ photo: String) -> String { "likes:announced:{photo:\(photo)}" }
}

/// The keys of one part.
struct PartKeys: Sendable {
    /// A stream: changes that the record does not have yet, one entry a batch.
    let changes: String
    /// A hash: photo → `<size>:<version>`, see ``PartState``.
    let sizes: String
    /// A hash: `clock`, the newest version given out; `depth`, changes in the stream.
    let meta: String
    private let prefix: String

    init(_ part: Int) {
        prefix = "likes:{\(part)}:"
        changes = prefix + "changes"
        sizes = prefix + "sizes"
        meta = prefix + "meta"
    }

    /// A set: the users of this part who like the photo.
    func members(_ photo: String) -> String { prefix + "of:" + photo }
    /// Held by the one process that loads the set from the record.
    func lock(_ photo: String) -> String { prefix + "lock:" + photo }
    /// The set while it is loaded.
    func loading(_ photo: String) -> String { prefix + "loading:" + photo }
}
