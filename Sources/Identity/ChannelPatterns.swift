public import Wire

/// A list of channels as a token carries it: whole names (`video:v1`), or beginnings with a trailing `*` (`video:live-*`, `*`).
public struct ChannelPatterns: Equatable, Sendable {
    /// Entries of one list; more make the token be refused.
    public static let countMax = 64

    private var names: Set<String> = []
    private var beginnings: [String] = []

    /// `nil` when there are too many, or one is neither the name of a channel nor a beginning with a `*` behind it.
    public init?(_ patterns: [String]) {
        guard patterns.count <= Self.countMax else { return nil }
        for pattern in patterns {
            if pattern.hasSuffix("*") {
                let beginning = String(pattern.dropLast())
                guard beginning.isEmpty || Identifier.isValid(beginning) else { return nil }
                beginnings.append(beginning)
            } else {
                guard Channel(name: pattern) != nil else { return nil }
                names.insert(pattern)
            }
        }
    }

    public func contains(_ channel: Channel) -> Bool {
        names.contains(channel.name) || beginnings.contains { channel.name.utf8.starts(with: $0.utf8) }
    }
}
