/// The body of `POST /connect`, and the query of `GET /connect`.
public struct ConnectRequest: Codable, Equatable, Sendable {
    public var userid: String
    public var videoid: String?
    public var photoid: String?
    /// Where the viewer was before: a ``Position`` as text. Anything that is none counts as "no position, tell me".
    public var lastEventId: String?

    public init(userid: String, videoid: String? = nil, photoid: String? = nil, lastEventId: String? = nil) {
        self.userid = userid
        self.videoid = videoid
        self.photoid = photoid
        self.lastEventId = lastEventId
    }
}
