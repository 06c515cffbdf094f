import Report
import Testbed

/// Likes beside the comments of a run: people who like photos, and viewers who follow the counts.
struct RunLikes: Codable, Equatable, Sendable {
    /// Users who come each second.
    var rate = 100.0
    var photos = 10
    /// Part of all likes that go to the first photo.
    var hotShare = 0.5

    /// Viewers of photos, beside those of the videos.
    static let viewers = 200

    var commandLine: String {
        "--likes-rate \(Format.plain(rate)) --photos \(photos) --hot-photo-share \(Format.plain(hotShare))"
    }

    /// What the generator is told.
    func settings(seed: UInt64) -> LikesSettings {
        var settings = LikesSettings()
        settings.photos = (1...photos).map { "p\($0)" }
        settings.hotShare = hotShare
        settings.rate = rate
        settings.viewers = RunLikes.viewers
        settings.photosEach = 10
        settings.seed = seed
        return settings
    }

    /// `nil` when nothing of it was typed.
    static func read(
        rate: String?, photos: String?, hotShare: String?, _ check: inout ArgumentCheck
    ) -> RunLikes? {
        var likes = RunLikes()
        guard let rate else {
            for (name, value) in [("--photos", photos), ("--hot-photo-share", hotShare)] where value != nil {
                check.refuse("\(name): means nothing without --likes-rate")
            }
            return nil
        }
        check.read("--likes-rate", rate, 0.1...100_000, into: &likes.rate)
        check.read("--photos", photos, 1...1_000, into: &likes.photos)
        check.read("--hot-photo-share", hotShare, 0...1, into: &likes.hotShare)
        return likes
    }
}
