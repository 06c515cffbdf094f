/// The log event that takes a comment back: `event: removal`.
public struct CommentRemoval: Codable, Equatable, Sendable {
    public static let eventName = "removal"

    /// The comment's id.
    public var id: String
    public var videoid: String
    /// The comment's own place; both are missing when it is not known any more, or never had one.
    public var offset: UInt64?
    public var epoch: String?

    public init(id: String, videoid: String, position: Position?) {
        self.id = id
        self.videoid = videoid
        offset = position?.offset
        epoch = position?.epoch
    }

    /// The JSON of the event: `{"id","videoid","offset","epoch"}`, in this order, on one line.
    public func json() -> [UInt8] {
        var object = JSONText(capacity: 192)
        object.member("id", id)
        object.member("videoid", videoid)
        if let offset { object.member("offset", offset) }
        if let epoch { object.member("epoch", epoch) }
        return object.finished()
    }
}
