internal import Crypto
public import Primitives

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What a request says about who sends it: header fields as they came.
public struct Credentials: Equatable, Sendable {
    /// Every `Authorization` field.
    public var authorization: [String]
    /// Every `Cookie` field.
    public var cookies: [String]

    public init(authorization: [String] = [], cookies: [String] = []) {
        self.authorization = authorization
        self.cookies = cookies
    }

    /// The session cookie: a token.
    public static let cookieName = "chorus_session"

    /// The values of a cookie in `Cookie` fields, in their order.
    public static func values(ofCookie name: String, in fields: [String]) -> [String] {
        fields.flatMap { $0.split(separator: ";") }.compactMap { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return parts.count == 2 && parts[0].drop(while: { $0 == " " }) == name ? String(parts[1]) : nil
        }
    }
}

/// Who a request comes from.
public struct Authentication: Equatable, Sendable {
    public var caller: Caller
    /// The token came as a cookie, which a browser sends whoever made the page.
    public var isFromCookie = false
    /// As it came.
    public var token: String?

    public init(caller: Caller, isFromCookie: Bool = false, token: String? = nil) {
        self.caller = caller
        self.isFromCookie = isFromCookie
        self.token = token
    }
}

/// Finds out who sends a request: tokens are verified once, and remembered in a bounded table.
public final class Authenticator: Sendable {
    public enum Mode: String, CaseIterable, Sendable {
        /// Nobody is asked who he is.
        case off
        /// Callers without a token may watch.
        case optional
        /// Everybody needs a token.
        case required
    }

    private struct State {
        /// By the SHA-256 of the token.
        var verified: GenerationCache<SHA256Digest, Subject>
        /// The key set that they were verified with.
        var keys = -1
        var revocations = Revocations()

        func problem(of subject: Subject, now: Double) -> TokenProblem? {
            if let end = subject.validUntil, now >= end { return .expired }
            return revocations.problem(of: subject, now: now)
        }
    }

    /// Tokens that are remembered.
    public static let rememberedMax = 65_536

    public let mode: Mode
    public let keyFile: KeyFile?
    private let rules: TokenRules
    private let secrets: [SharedSecret]
    private let now: @Sendable () -> Double
    private let state: Mutex<State>

    /// - Parameters:
    ///   - keyFile: `nil`: no token is accepted, only `secrets`.
    ///   - now: seconds since 1970.
    public init(
        mode: Mode, keyFile: KeyFile? = nil, rules: TokenRules = TokenRules(), secrets: [SharedSecret] = [],
        remembered: Int = Authenticator.rememberedMax,
        now: @escaping @Sendable () -> Double = { Double(WallClock.milliseconds()) / 1_000 }
    ) {
        self.mode = mode
        self.keyFile = keyFile
        self.rules = rules
        self.secrets = secrets
        self.now = now
        state = Mutex(State(verified: GenerationCache(limit: remembered)))
    }

    /// Seconds since 1970, by the clock that tokens are held against.
    public var time: Double { now() }

    /// Who comes without a token.
    public var nobody: Caller { mode == .off ? .unchecked : .anonymous }

    /// Who sends a request.
    ///
    /// With ``Mode/off`` only the shared secrets count, and an `Authorization` of any other scheme than `Bearer` never does:
    /// it is meant for a proxy.
    ///
    /// - Parameter mayCheck: asked before a token that is not remembered is looked at, which takes 0.1 ms; `false`:
    ///   ``TokenProblem/unchecked``.
    public func authenticate(
        _ credentials: Credentials, mayCheck: () -> Bool = { true }
    ) async throws(TokenProblem) -> Authentication {
        let nobody = Authentication(caller: nobody)
        if credentials.authorization.isEmpty, mode == .off || credentials.cookies.isEmpty { return nobody }
        if mode == .off, secrets.isEmpty { return nobody }
        let cookie = mode == .off ? nil : try Self.cookie(in: credentials.cookies)
        guard let header = try Self.bearer(in: credentials.authorization) else {
            guard let cookie else { return nobody }
            let subject = try await subject(of: cookie, mayCheck: mayCheck)
            return Authentication(caller: .user(subject), isFromCookie: true, token: cookie)
        }
        if let cookie, cookie != header { throw .ambiguous }
        return Authentication(caller: .user(try await subject(of: header, mayCheck: mayCheck)), token: header)
    }

    /// The bearer of a token or a shared secret.
    public func subject(
        of token: String, mayCheck: () -> Bool = { true }
    ) async throws(TokenProblem) -> Subject {
        if let secret = secrets.first(where: { $0.matches(token) }) { return secret.subject }
        guard mode != .off, token.utf8.count <= SignedToken.bytesMax, let keyFile else { throw .invalid }
        let (keys, version) = await keyFile.current()
        let digest = Self.digest(of: token)
        let time = now()
        let known = state.withLock { state -> (subject: Subject, problem: TokenProblem?)? in
            if state.keys != version {
                state.verified.removeAll()
                state.keys = version
            }
            return state.verified.used(digest).map { ($0, state.problem(of: $0, now: time)) }
        }
        if let known {
            if let problem = known.problem { throw problem }
            return known.subject
        }
        guard mayCheck() else { throw .unchecked }
        let subject = try rules.subject(of: token, keys: keys, now: time)
        state.withLock { if $0.keys == version { $0.verified[digest] = subject } }
        if let problem = problem(of: subject) { throw problem }
        return subject
    }

    /// Why the bearer of a token that was verified may not go on; `nil`: it may.
    public func problem(of subject: Subject) -> TokenProblem? {
        let time = now()
        return state.withLock { $0.problem(of: subject, now: time) }
    }

    /// Takes what was revoked since the last call.
    public func apply(_ revocations: [Revocation]) {
        let time = now()
        state.withLock { state in
            for revocation in revocations { state.revocations.apply(revocation, now: time) }
        }
    }

    private static func digest(of token: String) -> SHA256Digest {
        var token = token
        var hash = SHA256()
        token.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        return hash.finalize()
    }

    /// Tokens remembered now.
    public var rememberedCount: Int { state.withLock { $0.verified.count } }

    // MARK: Header fields

    private static func bearer(in fields: [String]) throws(TokenProblem) -> String? {
        guard let field = fields.first else { return nil }
        guard fields.count == 1 else { throw .ambiguous }
        let words = field.split(separator: " ", maxSplits: 1)
        guard words.first?.lowercased() == "bearer" else { return nil }
        guard words.count == 2 else { throw .invalid }
        return String(words[1])
    }

    private static func cookie(in fields: [String]) throws(TokenProblem) -> String? {
        let values = Credentials.values(ofCookie: Credentials.cookieName, in: fields)
        guard values.allSatisfy({ $0 == values[0] }) else { throw .ambiguous }
        return values.first
    }
}
