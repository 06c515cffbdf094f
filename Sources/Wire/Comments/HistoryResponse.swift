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
