public import Identity

/// Who a caller is and what it may, without the request that said so: for connections that ask again, message by message.
public struct CallerAccess: Sendable {
    public private(set) var caller: Caller
    /// The caller's, as it came.
    public private(set) var token: String?
    /// Why the token that came is none; the caller is then nobody.
    var tokenProblem: APIError?
    let access: AccessControl?

    init(caller: Caller, token: String?, tokenProblem: APIError?, access: AccessControl?) {
        self.caller = caller
        self.token = token
        self.tokenProblem = tokenProblem
        self.access = access
    }

    /// Nobody in particular: no token came, right or wrong.
    public var isBare: Bool { caller.subject == nil && token == nil && tokenProblem == nil }

    /// The same caller as the bearer of a token that came in another way, from the client's address.
    public func bearing(_ token: String, from address: IPAddress?) async throws(APIError) -> CallerAccess {
        guard let access else { return self }
        let caller = Caller.user(try await access.subject(of: token, from: address))
        return CallerAccess(caller: caller, token: token, tokenProblem: nil, access: access)
    }

    /// Throws unless the caller may do this: 401 with a token that is none, 401 `authentication_required` without one, else 403
    /// `forbidden`.
    public func require(_ action: Action) throws(APIError) {
        try requireToken(for: action.verb)
        guard let access, case .denied(let denial) = access.permissions.decide(caller, action) else { return }
        throw APIError(denial)
    }

    /// Throws when a token came that is none. With `AUTH=off` only where a moderator's would have made a difference.
    public func requireToken(for verb: Verb? = nil) throws(APIError) {
        guard let tokenProblem else { return }
        if access?.authenticator.mode == .off, verb != .remove, verb != .moderate { return }
        throw tokenProblem
    }

    /// Who watches: the token's subject; without a token a name that the client gives and nobody checks, if it gives one.
    public func viewer(named: String?) throws(APIError) -> String? {
        try requireToken()
        switch caller {
        case .unchecked: return named
        case .anonymous: return named ?? "anonymous"
        case .user(let subject):
            guard named == nil || named == subject.id else { throw APIError(.notSubject) }
            return subject.id
        }
    }

    /// Says why the caller may not go on, as a code: its token has expired or was revoked. `nil` for callers without a token
    /// that could.
    public var lease: (@Sendable () -> String?)? {
        guard let access, let subject = caller.subject else { return nil }
        return { access.authenticator.problem(of: subject)?.rawValue }
    }
}
