/// Everything that `watch` was told.
struct WatchSettings: Equatable, Sendable {
    var userid: String
    var videoid: String
    var readers: [Endpoint]
    var commentAPIs: [Endpoint]
    var statistics: [Endpoint]
    /// Seconds between two comments of this person; 0: only watches.
    var intervalSeconds: Double
    /// Ends after so many comments; `nil`: never by itself.
    var count: Int?
}
