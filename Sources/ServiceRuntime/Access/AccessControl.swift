import HTTPTypes
public import Hummingbird
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

    /// Who sends a request, from an address.
    func authenticate(_ request: Request, from address: @escaping () -> IPAddress?) async throws(APIError)
        -> Authentication
    {
        if asksNobody { return Authentication(caller: .unchecked) }
        let credentials = Credentials(
            authorization: request.headers[values: .authorization], cookies: request.headers[values: .cookie])
        return try await counting(from: address) { mayCheck throws(TokenProblem) in
            try await authenticator.authenticate(credentials, mayCheck: mayCheck)
        }
    }

    /// The bearer of a token that came from an address in another way than with its request.
    func subject(of token: String, from address: IPAddress?) async throws(APIError) -> Subject {
        try await counting(from: { address }) { mayCheck throws(TokenProblem) in
            try await authenticator.subject(of: token, mayCheck: mayCheck)
        }
    }

    /// A token that was looked at in vain is counted for its address: over the limit no other is looked at, so that a flood
    /// of them costs no signatures. Tokens that are remembered pass all the same.
    private func counting<Value: Sendable>(
        from address: @escaping () -> IPAddress?, _ look: (_ mayCheck: () -> Bool) async throws(TokenProblem) -> Value
    ) async throws(APIError) -> Value {
        var check: RateLimiter.Check?
        var outcome: RateLimiter.Outcome?
        do throws(TokenProblem) {
            return try await look {
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
    /// Who sends the request, for a connection that outlives it.
    public var callerAccess: CallerAccess {
        CallerAccess(caller: caller, token: token, tokenProblem: tokenProblem, access: access)
    }

    /// As ``CallerAccess/require(_:)``.
    public func require(_ action: Action) throws(APIError) { try callerAccess.require(action) }

    /// The same request, sent by the bearer of a token that came on another way.
    public func bearing(_ token: String, _ request: Request) async throws -> ServiceContext {
        var context = self
        let bearer = try await callerAccess.bearing(token, from: address(of: request))
        (context.caller, context.tokenProblem) = (bearer.caller, bearer.tokenProblem)
        return context
    }

    /// The caller's token, which somebody signed for a time: no shared secret.
    public func signedToken() throws(APIError) -> String {
        try callerAccess.requireToken()
        guard let subject = caller.subject else { throw APIError(.authenticationRequired) }
        guard subject.validUntil != nil, let token else { throw APIError(.role) }
        return token
    }

    /// As ``CallerAccess/lease``.
    public var lease: (@Sendable () -> String?)? { callerAccess.lease }

    /// Whether the caller may do this.
    public func may(_ action: Action) -> Bool {
        access.map { $0.permissions.decide(caller, action) == .allowed } ?? true
    }

    /// Who watches: the token's subject; without a token a name that the request gives and nobody checks.
    public func viewer(_ fields: RequestFields, _ name: String = "userid") throws(APIError) -> String {
        let named = try fields.optionalIdentifier(name)
        guard let viewer = try callerAccess.viewer(named: named) else { return try user(named, fields, name) }
        return viewer
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
        try callerAccess.requireToken()
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
