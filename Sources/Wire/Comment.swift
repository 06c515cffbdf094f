/// One comment, as it is stored, published and shown.
public struct Comment: Equatable, Sendable {
    /// Chosen by the write API: 1-64 characters, unique.
    public var id: String
    public var userid: String
    /// ``Channel/Kind/video`` or ``Channel/Kind/post``: on what.
    public var kind: Channel.Kind
    /// The id of the video, or of the post.
    public var videoid: String
    public var comment: String
    /// UTC with milliseconds: `2026-01-01T12:00:00.000Z`.
    public var timestamp: String
    /// The id of the comment that this one answers.
    public var parent: String?
    /// 1 as written; each change counts.
    public var revision: Int

    public init(
        id: String, userid: String, kind: Channel.Kind = .video, videoid: String, comment: String, timestamp: String,
        parent: String? = nil, revision: Int = 1
    ) {
        self.id = id
        self.userid = userid
        self.kind = kind
        self.videoid = videoid
        self.comment = comment
        self.timestamp = timestamp
        self.parent = parent
        self.revision = revision
    }

    public static let textLengthMax = 2_000

    /// `nil` when the id is none.
    public var channel: Channel? { Channel(kind, id: videoid) }

    /// The JSON of the event: `{"userid","videoid","comment","timestamp","id"}`, in this order, on one line; on a post
    /// `postid` instead of `videoid`, and `parent` and `revision` where they say something.
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
        object.member(kind == .post ? "postid" : "videoid", videoid)
        object.member("comment", comment)
        object.member("timestamp", timestamp)
        if let parent { object.member("parent", parent) }
        if revision > 1 { object.member("revision", revision) }
        object.member("id", id)
        return object
    }
}

extension Comment: Codable {
    private enum CodingKeys: CodingKey {
        case id, userid, videoid, postid, comment, timestamp, parent, revision
    }

    public init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        let post = try members.decodeIfPresent(String.self, forKey: .postid)
        self.init(
            id: try members.decode(String.self, forKey: .id), userid: try members.decode(String.self, forKey: .userid),
            kind: post == nil ? .video : .post,
            videoid: try post ?? members.decode(String.self, forKey: .videoid),
            comment: try members.decode(String.self, forKey: .comment),
            timestamp: try members.decode(String.self, forKey: .timestamp),
            parent: try members.decodeIfPresent(String.self, forKey: .parent),
            revision: try members.decodeIfPresent(Int.self, forKey: .revision) ?? 1)
    }

    public func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encode(id, forKey: .id)
        try members.encode(userid, forKey: .userid)
        try members.encode(videoid, forKey: kind == .post ? .postid : .videoid)
        try members.encode(comment, forKey: .comment)
        try members.encode(timestamp, forKey: .timestamp)
        try members.encodeIfPresent(parent, forKey: .parent)
        if revision > 1 { try members.encode(revision, forKey: .revision) }
    }
}

/// The log event of a comment that was changed: `event: edit`. Its data is the whole comment, with the revision first, so
/// that an event is found by its id and revision.
public enum CommentEdit {
    public static let eventName = "edit"

    /// In front of the comment's own members: `{"edit":"<id>.<revision>",`.
    public static func head(of id: String, revision: Int) -> String { "{\"edit\":\"\(id).\(revision)\"," }

    public static func json(of comment: Comment) -> [UInt8] {
        Array(head(of: comment.id, revision: comment.revision).utf8) + comment.json().dropFirst()
    }
}

/// The log event that takes a comment back: `event: removal`.
public struct CommentRemoval: Codable, Equatable, Sendable {
    public static let eventName = "removal"

    /// The comment's id.
    public var id: String
    /// The video, or nothing when the comment was on a post.
    public var videoid: String?
    public var postid: String?
    /// The comment's own place; both are missing when it is not known any more, or never had one.
    public var offset: UInt64?
    public var epoch: String?

    public init(id: String, channel: Channel, position: Position?) {
        self.id = id
        videoid = channel.kind == .post ? nil : channel.id
        postid = channel.kind == .post ? channel.id : nil
        offset = position?.offset
        epoch = position?.epoch
    }

    /// The JSON of the event: `{"id","videoid","offset","epoch"}`, in this order, on one line; on a post `postid`.
    public func json() -> [UInt8] {
        var object = JSONText(capacity: 192)
        object.member("id", id)
        if let videoid { object.member("videoid", videoid) }
        if let postid { object.member("postid", postid) }
        if let offset { object.member("offset", offset) }
        if let epoch { object.member("epoch", epoch) }
        return object.finished()
    }
}
