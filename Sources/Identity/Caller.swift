/// Who sends a request.
public enum Caller: Equatable, Sendable {
    /// `AUTH=off`: nobody asks; the caller is whoever the request says.
    case unchecked
    /// No token.
    case anonymous
    /// The bearer of a token that was verified.
    case user(Subject)

    public var subject: Subject? {
        guard case .user(let subject) = self else { return nil }
        return subject
    }
}

/// What a verified token says of its bearer.
public struct Subject: Equatable, Sendable {
    /// `sub`: the userid.
    public var id: String
    public var role: Role
    /// Channels that the bearer may watch; `nil`: all.
    public var watch: ChannelPatterns?
    /// Channels that the bearer may write to; `nil`: all.
    public var write: ChannelPatterns?
    /// `sid`: the log-in that the token came from; `nil` when the token does not say.
    public var session: String?
    /// `iat`, in seconds since 1970; 0 when the token does not say.
    public var issuedAt: Double
    /// When the token is no longer accepted, in seconds since 1970; `nil` for a shared secret.
    public var validUntil: Double?

    public init(
        id: String, role: Role = .user, watch: ChannelPatterns? = nil, write: ChannelPatterns? = nil,
        session: String? = nil, issuedAt: Double = 0, validUntil: Double? = nil
    ) {
        self.id = id
        self.role = role
        self.watch = watch
        self.write = write
        self.session = session
        self.issuedAt = issuedAt
        self.validUntil = validUntil
    }
}

/// What a token makes of its bearer.
public enum Role: String, CaseIterable, Sendable {
    case user
    /// May remove anybody's comment, besides what a user may.
    case moderator
    /// Another process: reports, metrics, owners of photos; it writes in nobody's name.
    case service
}
