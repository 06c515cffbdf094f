public import Wire

/// What somebody wants to do, and to what.
public enum Action: Equatable, Sendable {
    /// Follow a channel, read its history or its counts.
    case watch(Channel)
    /// Comment or like on a channel, write or change a post, in the name of a user; `nil`: in one's own.
    case write(Channel, as: String?)
    /// Remove a comment or a post of this user; `nil`: of whomever.
    case remove(commentOf: String?)
    /// Read or mark a user's notifications, or follow them.
    case notifications(of: String)
    /// Read what this user keeps private of the account, or change it; whom the user follows and blocks, and uploads too.
    case account(of: String)
    /// Read reports and act on them, suspend users, filter words, and slow a channel down.
    case moderate
    /// What is public: profiles, lists of posts, the short statistics.
    case read
    /// What processes do for each other: reports, metrics, full statistics, owners of photos.
    case operate

    public var verb: Verb {
        switch self {
        case .watch: .watch
        case .write: .write
        case .remove: .remove
        case .notifications: .notifications
        case .account: .account
        case .moderate: .moderate
        case .read: .read
        case .operate: .operate
        }
    }
}

/// The rows of the table.
public enum Verb: String, CaseIterable, Sendable {
    case watch, write, remove, notifications, account, moderate, read, operate
}

/// The answer of the table.
public enum Decision: Equatable, Sendable {
    case allowed
    case denied(Denial)
}

/// Why something is not allowed.
public enum Denial: String, CaseIterable, Sendable {
    /// A token is needed and none came.
    case authenticationRequired = "authentication_required"
    /// The user named is not the token's subject.
    case notSubject
    /// It belongs to somebody else.
    case notOwner
    /// The token's list of channels does not hold it.
    case notGranted
    /// The token's role does not do this.
    case role

    /// For people.
    public var sentence: String {
        switch self {
        case .authenticationRequired: "this needs a token"
        case .notSubject: "the user named is not the token's subject"
        case .notOwner: "this belongs to somebody else"
        case .notGranted: "the token does not grant this channel"
        case .role: "the token's role does not allow this"
        }
    }
}

/// Who may do what: the one table that every way into every service asks.
///
/// Pure: it knows neither requests nor tokens. `docs/PROTOCOL.md` shows ``table``.
public struct Permissions: Equatable, Sendable {
    /// What a row grants to a column.
    public enum Grant: String, Sendable {
        case no
        case yes
        /// What is the caller's own, or is done in the caller's own name.
        case own
        /// The channels of the token's list.
        case listed
        /// ``listed``, in the caller's own name.
        case listedOwn
        /// With `AUTH=optional`.
        case optional
    }

    /// Whether callers without a token may watch (`AUTH=optional`).
    public var anonymousWatch: Bool

    public init(anonymousWatch: Bool) {
        self.anonymousWatch = anonymousWatch
    }

    /// What a verb needs of whom; `role` is `nil` for callers without a token.
    public static func grant(_ verb: Verb, to role: Role?) -> Grant {
        switch (verb, role) {
        case (.watch, nil), (.read, nil): .optional
        case (_, nil): .no
        case (.watch, .user), (.watch, .moderator): .listed
        case (.write, .user), (.write, .moderator): .listedOwn
        case (.watch, .service), (.read, _), (.operate, .service): .yes
        case (.write, .service), (.operate, _): .no
        case (.remove, .user): .own
        case (.remove, .moderator), (.moderate, .moderator): .yes
        case (.notifications, .user), (.notifications, .moderator): .own
        case (.account, .user), (.account, .moderator): .own
        case (.remove, .service), (.notifications, .service), (.account, .service), (.moderate, _): .no
        }
    }

    public func decide(_ caller: Caller, _ asked: Action) -> Decision {
        // A user's own channel carries notifications.
        var action = asked
        if case .watch(let channel) = asked, channel.kind == .user { action = .notifications(of: channel.id) }
        return switch caller {
        // A comment is removed in the name that the request gives, and that name must be the author's.
        case .unchecked: action == .remove(commentOf: nil) ? .denied(.notOwner) : .allowed
        case .anonymous:
            Self.grant(action.verb, to: nil) == .optional && anonymousWatch
                ? .allowed : .denied(.authenticationRequired)
        case .user(let subject): Self.decide(subject, action)
        }
    }

    private static func decide(_ subject: Subject, _ action: Action) -> Decision {
        switch grant(action.verb, to: subject.role) {
        case .no, .optional: return .denied(.role)
        case .yes: return .allowed
        case .own: return owner(of: action) == subject.id ? .allowed : .denied(.notOwner)
        case .listed, .listedOwn: break
        }
        switch action {
        case .watch(let channel):
            return subject.watch?.contains(channel) ?? true ? .allowed : .denied(.notGranted)
        case .write(let channel, let name):
            if let name, name != subject.id { return .denied(.notSubject) }
            return subject.write?.contains(channel) ?? true ? .allowed : .denied(.notGranted)
        default: return .denied(.role)
        }
    }

    private static func owner(of action: Action) -> String? {
        switch action {
        case .remove(let user): user
        case .notifications(let user), .account(let user): user
        case .watch, .write, .moderate, .read, .operate: nil
        }
    }
}
