public import Media
import Wire

/// Who may read a post besides its author.
public enum Visibility: String, CaseIterable, Sendable {
    /// Everybody whom no block keeps away.
    case `public`
    /// Of those, who follow the author.
    case followers
    /// Nobody: a moderator has to look at it first.
    case held

    /// What an author may choose.
    public static let choices: Set<Visibility> = [.public, .followers]
}

/// A post as its readers see it.
public struct Post: Equatable, Sendable {
    public static let contentMax = 5_000
    public static let picturesMax = 4

    public var id: String
    /// The order of posts, newest largest.
    public var sequence: Int64
    public var author: String
    public var authorName: String
    public var content: String
    public var visibility: Visibility
    public var takesComments: Bool
    /// 1 as written; each change counts.
    public var revision: Int
    /// Microseconds since 1970.
    public var createdAt: Int64
    /// `nil`: never changed.
    public var editedAt: Int64?
    /// In the order that the author gave.
    public var pictures: [Picture]
}

extension Picture {
    /// What the view `posts_shown` writes.
    static func all(_ text: String) -> [Picture] {
        text.split(separator: ",").compactMap { entry in
            let words = entry.split(separator: " ")
            guard words.count == 4, let width = Int(words[2]), let height = Int(words[3]) else { return nil }
            return Picture(id: String(words[0]), name: String(words[1]), width: width, height: height)
        }
    }
}

/// What somebody wants to post.
public struct NewPost: Equatable, Sendable {
    public var id: String
    public var author: String
    public var content: String
    public var visibility: Visibility
    public var takesComments: Bool
    /// The author's own, at most ``Post/picturesMax``, each once.
    public var pictures: [String]

    public init(
        id: String, author: String, content: String, visibility: Visibility = .public, takesComments: Bool = true,
        pictures: [String] = []
    ) {
        self.id = id
        self.author = author
        self.content = content
        self.visibility = visibility
        self.takesComments = takesComments
        self.pictures = pictures
    }
}

/// A change of a post; `nil`: as it was.
public struct PostChange: Equatable, Sendable {
    public var content: String?
    public var visibility: Visibility?
    public var takesComments: Bool?
    /// The revision that the author saw: another one's change is not overwritten.
    public var revision: Int

    public init(content: String? = nil, visibility: Visibility? = nil, takesComments: Bool? = nil, revision: Int) {
        self.content = content
        self.visibility = visibility
        self.takesComments = takesComments
        self.revision = revision
    }
}

/// A list of posts, newest first.
public enum PostList: Equatable, Sendable {
    /// Public ones.
    case all
    /// Public ones with a picture.
    case photos
    case user(String)

    /// In front of its cursors, so that one of another list is known.
    var name: String {
        switch self {
        case .all: "all"
        case .photos: "photos"
        case .user(let id): "user-\(id)"
        }
    }

    /// The sequence that a page begins below; `nil` for what is no cursor of this list.
    public func position(of cursor: String) -> Int64? {
        guard let dot = cursor.lastIndex(of: "."), cursor[..<dot] == name,
            let sequence = Int64(cursor[cursor.index(after: dot)...]), sequence > 0
        else { return nil }
        return sequence
    }

    func cursor(after post: Post) -> String { "\(name).\(post.sequence)" }
}
