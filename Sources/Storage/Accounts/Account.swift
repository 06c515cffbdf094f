/// A user of the platform, as others see it but for the last two.
public struct Account: Equatable, Sendable {
    /// The name, which is the userid and never changes.
    public var id: String
    public var displayName: String
    public var bio: String
    /// `user` or `moderator`.
    public var role: String
    /// Microseconds since 1970.
    public var createdAt: Int64
    /// Shown to the user alone. Nobody has shown that it is theirs.
    public var email: String
    public var isSuspended: Bool

    public init(
        id: String, displayName: String, bio: String, role: String, createdAt: Int64, email: String, isSuspended: Bool
    ) {
        self.id = id
        self.displayName = displayName
        self.bio = bio
        self.role = role
        self.createdAt = createdAt
        self.email = email
        self.isSuspended = isSuspended
    }
}

/// A change of what a user may change; `nil`: as it was.
public struct AccountChange: Equatable, Sendable {
    public var displayName: String?
    public var bio: String?
    public var email: String?
    /// The hash of a new password. All log-ins end but ``keptSession``.
    public var password: String?
    public var keptSession: String?

    public init(
        displayName: String? = nil, bio: String? = nil, email: String? = nil, password: String? = nil,
        keptSession: String? = nil
    ) {
        self.displayName = displayName
        self.bio = bio
        self.email = email
        self.password = password
        self.keptSession = keptSession
    }
}

/// What a refresh token leads to.
public enum RefreshOutcome: Equatable, Sendable {
    /// The session goes on, and the new token stands for it.
    case renewed(session: String, Account)
    /// Nobody knows the token, or its session is over.
    case unknown
    /// The token was used before, and not just now: somebody has a copy. The session has ended with this.
    case reused(session: String)
    case suspended
}
