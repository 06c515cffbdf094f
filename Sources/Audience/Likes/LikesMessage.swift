/// What a crowd that likes tells whoever leads it, one JSON object a line.
public struct LikesMessage: Codable, Sendable {
    /// `connected`, `progress` or `report`.
    public var event: String
    public var viewers: Int?
    public var failed: Int?
    public var second: Double?
    /// Requests that were acknowledged, refused, and not answered.
    public var acknowledged: Int?
    public var refused: Int?
    public var unanswered: Int?
    /// People who came, and those who are not done.
    public var users: Int?
    public var underWay: Int?
    /// Counts that viewers got.
    public var updates: Int?
    /// Viewers who are connected.
    public var watching: Int?
    public var report: LikeSwarmReport?

    public init(
        event: String, viewers: Int? = nil, failed: Int? = nil, second: Double? = nil, acknowledged: Int? = nil,
        refused: Int? = nil, unanswered: Int? = nil, users: Int? = nil, underWay: Int? = nil, updates: Int? = nil,
        watching: Int? = nil, report: LikeSwarmReport? = nil
    ) {
        self.event = event
        self.viewers = viewers
        self.failed = failed
        self.second = second
        self.acknowledged = acknowledged
        self.refused = refused
        self.unanswered = unanswered
        self.users = users
        self.underWay = underWay
        self.updates = updates
        self.watching = watching
        self.report = report
    }
}
