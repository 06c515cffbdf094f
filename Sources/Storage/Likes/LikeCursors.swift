import Wire

/// Where a page of likers ended; clients carry it as text, `<microseconds>.<user>`.
public struct LikersCursor: Hashable, Sendable, CustomStringConvertible {
    public let at: Int64
    public let user: String

    public init(at: Int64, user: String) {
        self.at = at
        self.user = user
    }

    /// `nil` for a text that no page gave.
    public init?(parsing text: some StringProtocol) {
        guard let dot = text.firstIndex(of: "."), let at = Int64(text[..<dot]), RecordTime.range.contains(at)
        else { return nil }
        let user = text[text.index(after: dot)...]
        guard Identifier.isValid(user) else { return nil }
        self.init(at: at, user: String(user))
    }

    public var description: String { "\(at).\(user)" }
}

/// Where a page of members ended.
public struct MembersCursor: Hashable, Sendable {
    package let slot: Int16
    package let user: String

    package init(slot: Int16, user: String) {
        self.slot = slot
        self.user = user
    }
}
