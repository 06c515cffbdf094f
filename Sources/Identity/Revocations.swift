/// What ends tokens before their time.
public struct Revocation: Equatable, Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        /// Tokens of one log-in (`sid`).
        case session
        /// Tokens of a user that were issued up to a time.
        case user
        /// Everything of a user until a time.
        case suspension
        /// The end of a suspension.
        case lift
    }

    public var kind: Kind
    /// `sid` or `sub`.
    public var id: String
    /// ``Kind/user``: tokens issued up to here end; seconds since 1970.
    public var issuedUpTo: Double
    /// From here on the entry is worth nothing; seconds since 1970.
    public var until: Double

    public init(_ kind: Kind, _ id: String, issuedUpTo: Double = 0, until: Double) {
        self.kind = kind
        self.id = id
        self.issuedUpTo = issuedUpTo
        self.until = until
    }
}

/// The revocations that are in force. Pure.
///
/// Bounded: what is over goes first. When that does not make room a new entry is kept all the same up to twice the bound:
/// forgetting a revocation would let somebody in.
struct Revocations: Sendable {
    static let max = 100_000

    private struct Entry {
        var issuedUpTo: Double
        var until: Double
    }

    private var sessions: [String: Entry] = [:]
    private var users: [String: Entry] = [:]
    private var suspensions: [String: Entry] = [:]
    /// No clean-up before so many entries.
    private var cleanAt = Revocations.max

    var count: Int { sessions.count + users.count + suspensions.count }

    mutating func apply(_ revocation: Revocation, now: Double) {
        guard revocation.kind == .lift || revocation.until > now else { return }
        let entry = Entry(issuedUpTo: revocation.issuedUpTo, until: revocation.until)
        switch revocation.kind {
        case .session: sessions[revocation.id] = entry
        case .user: users[revocation.id] = entry
        case .suspension: suspensions[revocation.id] = entry
        case .lift: suspensions[revocation.id] = nil
        }
        guard count >= cleanAt else { return }
        sessions = sessions.filter { $0.value.until > now }
        users = users.filter { $0.value.until > now }
        suspensions = suspensions.filter { $0.value.until > now }
        cleanAt = Swift.max(Self.max, 2 * count)
    }

    func problem(of subject: Subject, now: Double) -> TokenProblem? {
        if let entry = suspensions[subject.id], entry.until > now { return .suspended }
        if let session = subject.session, let entry = sessions[session], entry.until > now { return .revoked }
        if let entry = users[subject.id], entry.until > now, subject.issuedAt <= entry.issuedUpTo { return .revoked }
        return nil
    }
}
