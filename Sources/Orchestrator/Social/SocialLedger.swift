import Placement

/// What was acknowledged: what must be so in the end.
struct SocialLedger: Sendable {
    struct Comment: Sendable {
        var post: String
        var author: String
    }

    /// Two names.
    struct Pair: Hashable, Sendable {
        var first: String
        var second: String
    }

    private(set) var people: [String]
    /// By id; `order` is that of the answers.
    private(set) var authors: [String: String] = [:]
    private(set) var order: [String] = []
    /// A post and who likes it.
    private(set) var likes: Set<Pair> = []
    private(set) var comments: [String: Comment] = [:]
    /// Who follows and who is followed, of those that were asked for while the people were at work.
    private(set) var follows: Set<Pair> = []
    private(set) var registered: [String] = []

    init(people: [String]) { self.people = people }

    mutating func posted(_ id: String, by author: String) {
        authors[id] = author
        order.append(id)
    }

    mutating func liked(_ post: String, by user: String) { likes.insert(Pair(first: post, second: user)) }

    mutating func commented(_ id: String, on post: String, by user: String) {
        comments[id] = Comment(post: post, author: user)
    }

    mutating func followed(_ other: String, by user: String) { follows.insert(Pair(first: user, second: other)) }

    mutating func joined(_ name: String) {
        people.append(name)
        registered.append(name)
    }

    /// Newer ones more often; `nil` before the first.
    func post(_ random: inout Xoshiro256) -> String? {
        order.isEmpty ? nil : order[order.count - 1 - SocialPlan.drawn(of: order.count, &random)]
    }

    /// Notifications of comments and follows that must be there, each once.
    ///
    /// - Parameter isNew: of those who follow, whether they did not before.
    func told(_ isNew: (Pair) -> Bool) -> Set<[String]> {
        var told = Set<[String]>()
        for (id, comment) in comments {
            guard let owner = authors[comment.post], owner != comment.author else { continue }
            told.insert([owner, "comment", id])
        }
        for pair in follows where isNew(pair) { told.insert([pair.second, "follow", pair.first]) }
        return told
    }

    /// Of each post how many others like it: what its author is told of.
    var likers: [String: Int] {
        var likers: [String: Int] = [:]
        for like in likes where authors[like.first] != like.second { likers[like.first, default: 0] += 1 }
        return likers
    }
}
