/// A comment that is to be written now.
struct Draft: Equatable, Sendable {
    /// The channel's number in the audience.
    var channel: Int
    var userid: String
    var videoid: String
    /// `nil`: a simulated text with the time of sending.
    var text: String?
    /// When it was due, monotonic nanoseconds; `nil`: now.
    var due: UInt64?
}
