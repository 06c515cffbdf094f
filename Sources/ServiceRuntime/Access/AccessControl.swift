import HTTPTypes
import Hummingbird
public import Identity
import Primitives
public import Wire

/// Who sends the requests of a process, and what they may: the one place that every request passes.
public final class AccessControl: Sendable {
    public let authenticator: Authenticator
    public let permissions: Permissions
    let limits: Limits
    /// Pages of which origins may use the service; `nil`: of all, without cookies.
    var allowedOrigins: Set<String>? { settings.allowedOrigins }
    private let settings: AccessSettings
    /// Neither tokens nor secrets: no request needs a look.
    private let asksNobody: Bool
    private let shared = Mutex<RateLimiter?>(nil)

    init(_ settings: AccessSettings) {
        self.settings = settings
        limits = settings.limits
        asksNobody = settings.mode == .off && settings.service == nil && settings.moderator == nil
        permissions = Permissions(anonymousWatch: settings.mode == .optional)
        authenticator = Authenticator(
            mode: settings.mode, keyFile: settings.keysFile.map { KeyFile(path: $0) }, rules: settings.rules,
            secrets: [settings.service, settings.moderator].compactMap { $0 })
    }

    /// For requests of this process to other services; `nil`: they are asked without a token.
    public var serviceAuthorization: String? { settings.service?.authorization }

    /// Counts what limits count; `nil` until the process has a Redis.
    var limiter: RateLimiter? { shared.withLock { $0 } }

    func use(_ limiter: RateLimiter) { shared.withLock { $0 = limiter } }

    /// The client behind the trusted proxies: the last address of the list that none of them has.
    ///
    /// - Parameter peer: the other end of the connection.
    func client(_ peer: IPAddress?, forwarded: [String]) -> IPAddress? {
        func isTrusted(_ address: IPAddress) -> Bool { settings.trustedProxies.contains { $0.contains(address) } }
        guard let peer, !settings.trustedProxies.isEmpty, isTrusted(peer) else { return peer }
        var client = peer
        let hops = forwarded.joined(separator: ",").split(separator: ",").map { hop in hop.filter { $0 != " " } }
        for hop in hops.reversed() {
            // What is no address was not written by a proxy that is trusted.
            guard let address = IPAddress(hop) else { break }
            client = address
            if !isTrusted(address) { break }
        }
        return client
    }

    /// Reads the keys for the first time.
    func load() async throws(ConfigurationError) {
        guard let keyFile = authenticator.keyFile, settings.mode != .off else { return }
        do { try await keyFile.load() } catch {
            throw ConfigurationError(
                problems: [SettingProblem(key: "AUTH_KEYS_FILE", value: keyFile.path, reason: "\(error)")])
        }
    }

    /// Looks whether the file of keys has changed, once a second at most.
    func look() async {
        guard settings.mode != .off else { return }
        await authenticator.keyFile?.look()
    }

    /// Who sends a request.
    ///
    /// A token that was looked at in vain is counted for its address: over the limit no other is looked at, so that a flood
    /// of them costs no signatures. Tokens that are remembered pass all the same.
    ///
    /// - Parameter address: of the client.
    func authenticate(_ request: Request, from address: () -> IPAddress?) async throws(APIError) -> Authentication {
        if asksNobody { return Authentication(caller: .unchecked) }
        let credentials = Credentials(
            authorization: request.headers[values: .authorization], cookies: request.headers[values: .cookie])
        var check: RateLimiter.Check?
        var outcome: RateLimiter.Outcome?
        do throws(TokenProblem) {
            return try await authenticator.authenticate(credentials) {
                check = RateLimiter.Check(limits, .tokens, .address, address()?.limitKey ?? "unknown")
                outcome = check.flatMap { limiter?.refusal(of: [$0]) }
                return outcome == nil
            }
        } catch {
            if let check, outcome == nil { outcome = await limiter?.check([check]) }
            guard case .refused(let reason, let rate, let microseconds) = outcome else { throw APIError(error) }
            throw .rateLimited(reason, rate, microseconds)
        }
    }

    /// Whether metrics may be read from this address without a token.
    func allowsMetrics(from address: IPAddress?) -> Bool {
        guard let address else { return false }
        return settings.metricsAllow.contains { $0.contains(address) }
    }
}

extension ServiceContext {
    /// Throws unless the caller may do this: 401 with a token that is none, 401 `authentication_required` without one, else 403
    /// `forbidden`.
    public func require(_ action: Action) throws(APIError) {
        try requireToken(for: action.verb)
        guard let access, case .denied(let denial) = access.permissions.decide(caller, action) else { return }
        throw APIError(denial)
    }

    /// Throws when a token came that is none. With `AUTH=off` only where a moderator's would have made a difference.
    private func requireToken(for verb: Verb? = nil) throws(APIError) {
        guard let tokenProblem else { return }
        if access?.authenticator.mode == .off, verb != .remove, verb != .moderate { return }
        throw tokenProblem
    }

    /// The same request, sent by the bearer of a token that came on another way.
    public func bearing(_ token: String) async throws -> ServiceContext {
        guard let access else { return self }
        var context = self
        context.tokenProblem = nil
        do { context.caller = .user(try await access.authenticator.subject(of: token)) } catch { throw APIError(error) }
        return context
    }

    /// The caller's token, which somebody signed for a time: no shared secret.
    public func signedToken() throws(APIError) -> String {
        try requireToken()
        guard let subject = caller.subject else { throw APIError(.authenticationRequired) }
        guard subject.validUntil != nil, let token else { throw APIError(.role) }
        return token
    }

    /// Says why the caller may not go on, as a code: its token has expired or was revoked. `nil` for callers without a token
    /// that could.
    public var lease: (@Sendable () -> String?)? {
        guard let access, let subject = caller.subject else { return nil }
        return { access.authenticator.problem(of: subject)?.rawValue }
    }

    /// Whether the caller may do this.
    public func may(_ action: Action) -> Bool {
        access.map { $0.permissions.decide(caller, action) == .allowed } ?? true
    }

    /// Who watches: the token's subject; without a token a name that the request gives and nobody checks.
    public func viewer(_ fields: RequestFields, _ name: String = "userid") throws(APIError) -> String {
        try requireToken()
        let named = try fields.optionalIdentifier(name)
        switch caller {
        case .unchecked: return try user(named, fields, name)
        case .anonymous: return named ?? "anonymous"
        case .user(let subject):
            guard named == nil || named == subject.id else { throw APIError(.notSubject) }
            return subject.id
        }
    }

    /// The user in whose name a request writes to a channel: the one that it names, who must be the token's subject; without
    /// a name the subject.
    ///
    /// - Parameter name: the field of the user's id.
    public func writer(to channel: Wire.Channel, _ fields: RequestFields, _ name: String = "userid") throws(APIError)
        -> String
    {
        let named = try fields.optionalIdentifier(name)
        try require(.write(channel, as: named))
        return try user(named, fields, name)
    }

    /// The user that a request is about, who must be the caller: as for ``writer(to:_:_:)``, with another action.
    public func user(
        _ fields: RequestFields, _ name: String = "userid", for action: (String) -> Action
    ) throws(APIError) -> String {
        let user = try user(try fields.optionalIdentifier(name), fields, name)
        try require(action(user))
        return user
    }

    private func user(_ named: String?, _ fields: RequestFields, _ name: String) throws(APIError) -> String {
        try requireToken()
        if let named { return named }
        switch caller {
        case .user(let subject): return subject.id
        case .anonymous: throw APIError(.authenticationRequired)
        case .unchecked: throw .invalid(fields.code, "\(name) is missing")
        }
    }
}

extension APIError {
    /// 401 with the scheme that is understood (RFC 6750, section 3); a suspended account knows who it is: 403.
    init(_ problem: TokenProblem) {
        if problem == .suspended {
            self.init(.forbidden, code: problem.rawValue, problem.sentence)
        } else {
            self.init(
                .unauthorized, code: problem.rawValue, problem.sentence,
                headers: [.wwwAuthenticate: #"Bearer error="invalid_token""#])
        }
    }

    init(_ denial: Denial) {
        if denial == .authenticationRequired {
            self.init(
                .unauthorized, code: denial.rawValue, denial.sentence, headers: [.wwwAuthenticate: "Bearer"])
        } else {
            self.init(.forbidden, code: "forbidden", denial.sentence)
        }
    }
}
