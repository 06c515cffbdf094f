internal import Audience

/// What `likes` writes when it is led, one JSON object a line.
struct LikesMessage: Encodable {
    var event: String
    var viewers: Int?
    var failed: Int?
    var second: Double?
    /// Requests that were acknowledged, refused, and not answered.
    var acknowledged: Int?
    var refused: Int?
    var unanswered: Int?
    /// People who came, and those who are not done.
    var users: Int?
    var underWay: Int?
    /// Counts that viewers got.
    var updates: Int?
    /// Viewers who are connected.
    var watching: Int?
    var report: LikeSwarmReport?

    func line() -> String { JSONLine.text(self) }
}
