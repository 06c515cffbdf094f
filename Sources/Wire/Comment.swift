/// One comment, as it is stored, published and shown.
public struct Comment: Codable, Equatable, Sendable {
    /// Chosen by the write API: 1-64 characters, unique.
    public var id: String
    public var userid: String
    public var videoid: String
    public var comment: String
    /// UTC with milliseconds: `2026-01-01T12:00:00.000Z`.
    public var timestamp: String

    public init(id: String, userid: String, videoid: String, comment: String, timestamp: String) {
        self.id = id
        self.userid = userid
        self.videoid = videoid
        self.comment = comment
        self.timestamp = timestamp
    }

    public static let textLengthMax = 2_000

    /// The JSON of the event: `{"userid","videoid","comment","timestamp","id"}`, in this order, on one line.
    public func json() -> [UInt8] {
        members().finished()
    }

    /// The JSON of the answer to the writer: the event's members and the place that it was given.
    public func json(at position: Position) -> [UInt8] {
        var object = members()
        object.member("offset", position.offset)
        object.member("epoch", position.epoch)
        return object.finished()
    }

    private func members() -> JSONText {
        var object = JSONText(capacity: comment.utf8.count + 192)
        object.member("userid", userid)
        object.member("videoid", videoid)
        object.member("comment", comment)
        object.member("timestamp", timestamp)
        object.member("id", id)
        return object
    }
}

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
