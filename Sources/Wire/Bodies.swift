// Bodies of requests and answers.

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

/// The answer to `GET /history`: comments of one video, newest first.
public struct HistoryResponse: Codable, Equatable, Sendable {
    public struct Entry: Codable, Equatable, Sendable {
        public var userid: String
        public var videoid: String
        public var comment: String
        public var timestamp: String
        public var id: String
        /// The comment's place in its channel; both are missing while it is stored and not known to be published.
        public var offset: UInt64?
        public var epoch: String?
    }

    public var videoid: String
    public var comments: [Entry]
    /// `before` of the next page; `nil` on the last.
    public var next: String?
}

/// Where the viewers of a channel go: the answer of `GET /locate`, and the body of a redirect.
public struct Place: Codable, Equatable, Sendable {
    /// Name of the channel.
    public var channel: String
    /// The Reader.
    public var instance: String
    /// Its public URL, before `/connect`; missing when the Reader that was asked has none and would serve by itself.
    public var url: String?

    public init(channel: String, instance: String, url: String?) {
        self.channel = channel
        self.instance = instance
        self.url = url
    }
}

/// What a client gets for everything that was refused: a sentence for people and a code for programs.
public struct ErrorBody: Codable, Equatable, Sendable, Error {
    public var error: String
    public var code: String

    public init(error: String, code: String) {
        self.error = error
        self.code = code
    }
}
