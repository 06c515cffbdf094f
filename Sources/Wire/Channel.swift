/// What a viewer follows: one Redis channel a video, a photo, a user or a post.
///
/// The name is `<kind>:<id>`, for instance `video:video1`. It stands as hash tag in every key that belongs to the
/// channel, so that on Redis Cluster the keys and the sharded channel share one slot.
public struct Channel: Hashable, Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        case video, photo, user, post
    }

    /// `<kind>:<id>`.
    public let name: String

    /// The channel of one video, photo, user or post; `nil` when the id breaks the rule of ``Identifier``.
    public init?(_ kind: Kind, id: String) {
        guard Identifier.isValid(id) else { return nil }
        self.name = "\(kind.rawValue):\(id)"
    }

    /// A channel from its whole name, as Redis and reports carry it; `nil` when it is none.
    public init?(name: String) {
        guard let colon = name.firstIndex(of: ":"), Kind(rawValue: String(name[..<colon])) != nil,
            Identifier.isValid(name[name.index(after: colon)...])
        else { return nil }
        self.name = name
    }

    public static func video(_ id: String) -> Channel? { Channel(.video, id: id) }
    public static func photo(_ id: String) -> Channel? { Channel(.photo, id: id) }
    public static func user(_ id: String) -> Channel? { Channel(.user, id: id) }
    public static func post(_ id: String) -> Channel? { Channel(.post, id: id) }

    public var kind: Kind {
        // The initialisers let no other prefix in.
        Kind(rawValue: String(name.prefix { $0 != ":" })) ?? .video
    }

    /// The part behind the kind.
    public var id: String { String(name.drop { $0 != ":" }.dropFirst()) }

    /// The stream that holds the newest log events.
    public var historyKey: String { "history:{\(name)}" }
    /// The string that holds the newest position, `<offset>.<epoch>`.
    public var positionKey: String { "position:{\(name)}" }
    /// The sorted set of the named ones among the newest log events: offsets by name.
    public var namesKey: String { "names:{\(name)}" }
}

extension Channel: Comparable {
    public static func < (left: Channel, right: Channel) -> Bool { left.name < right.name }
}

extension Channel: CustomStringConvertible {
    public var description: String { name }
}
