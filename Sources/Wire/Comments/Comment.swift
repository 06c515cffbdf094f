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

/// The body of `POST /comment`.
public struct CommentRequest: Codable, Equatable, Sendable {
    public var userid: String
    public var videoid: String
    public var comment: String

    public init(userid: String, videoid: String, comment: String) {
        self.userid = userid
        self.videoid = videoid
        self.comment = comment
    }
}

/// The answer to `POST /comment`: `201 {"success":true,"comment":{…,"offset":17,"epoch":"k3f9"}}`.
public struct CommentResponse: Codable, Equatable, Sendable {
    public struct Placed: Codable, Equatable, Sendable {
        public var userid: String
        public var videoid: String
        public var comment: String
        public var timestamp: String
        public var id: String
        public var offset: UInt64
        public var epoch: String
    }

    public var success: Bool
    public var comment: Placed
}
