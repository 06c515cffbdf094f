internal import Audience

/// Everything that `likes` was told.
struct LikesSettings: Sendable {
    var services: [Endpoint]
    var readers: [Endpoint]
    /// Ids; the first is the hot one.
    var photos: [String]
    var journeys: LikeJourneys
    /// Part of all likes that go to the first photo.
    var hotShare: Double
    /// People who like, as fast as it goes; 0: by ``rate`` for ``durationSeconds``.
    var users = 0
    var rate = 100.0
    var durationSeconds = 20.0
    var connections = 64
    var viewers = 0
    var photosEach = 10
    var settleSeconds = 20.0
    var coordinates = false

    /// People under way at the same time: what waits for Redis to come back must not grow without end.
    static let peopleMax = 100_000
}
