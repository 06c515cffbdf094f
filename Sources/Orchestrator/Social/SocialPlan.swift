import Options
import Placement

/// What people do in the preset `social`.
enum SocialAction: String, CaseIterable, Sendable {
    case feed = "read a feed"
    case like, comment, follow, post, register

    /// Of a hundred.
    var share: Int {
        switch self {
        case .feed: 55
        case .like: 22
        case .comment: 10
        case .follow: 6
        case .post: 6
        case .register: 1
        }
    }

    static func drawn(_ random: inout Xoshiro256) -> SocialAction {
        var number = random.below(100)
        for action in allCases {
            number -= action.share
            if number < 0 { return action }
        }
        return .feed
    }
}

/// The preset `social`: how many people, and how they are drawn.
enum SocialPlan {
    static let programs = ["SocialAPI", "CommentAPI", "LikeAPI"]
    /// Whom each follows from the beginning, about: one who is drawn twice counts once.
    static let followees = 20
    /// Actions under way at once; those that fall due beyond are dropped, and counted.
    static let underWayMax = 256
    /// Part of the actions that may be dropped.
    static let droppedShareMax = 0.01
    /// People whose feeds and notifications are compared in the end.
    static let compared = 300
    /// For what the services do behind their answers.
    static let drainSeconds = 180.0

    static var preset: RunSettings {
        var settings = RunSettings.standard
        (settings.viewers, settings.rate, settings.duration) = (10_000, 200, 60)
        return settings
    }

    /// Options that mean something with it, besides the report's.
    static let options: Set = ["--preset", "--viewers", "--rate", "--duration", "--seed"]

    /// Some write and are followed much more than others: the first tenth is drawn nearly half of the time.
    static func drawn(of count: Int, _ random: inout Xoshiro256) -> Int {
        let share = random.unit()
        return min(count - 1, Int(Double(count) * share * share * share))
    }

    static var mix: String {
        SocialAction.allCases.map { "\($0.rawValue) \($0.share)%" }.joined(separator: ", ")
    }
}
