internal import JWTKit
import Wire

/// What a token must say, beyond a good signature. Pure.
public struct TokenRules: Equatable, Sendable {
    /// Clocks may differ by so many seconds.
    public static let leeway = 60.0

    /// One of `aud` must be it; `nil`: `aud` is not looked at.
    public var audience: String?
    /// `iss` must be it; `nil`: `iss` is not looked at.
    public var issuer: String?

    public init(audience: String? = nil, issuer: String? = nil) {
        self.audience = audience
        self.issuer = issuer
    }

    /// The bearer of a token.
    ///
    /// - Parameter now: seconds since 1970.
    public func subject(of text: String, keys: TokenKeys, now: Double) throws(TokenProblem) -> Subject {
        let token = try SignedToken(parsing: text)
        // The key says which algorithm; a token that says another one (`none`, HMAC with a public key) is refused.
        guard let key = keys.key(id: token.key), key.algorithm.name == token.algorithm,
            (try? key.algorithm.verify(token.signature, signs: token.signed)) == true
        else { throw .invalid }
        return try subject(from: token.claims, now: now)
    }

    /// The claims of a token whose signature is good.
    func subject(from claims: JSONObject, now: Double) throws(TokenProblem) -> Subject {
        guard case .string(let id) = claims["sub"], Identifier.isValid(id),
            let expiry = try Self.time(claims["exp"]), isMeantForUs(claims)
        else { throw .invalid }
        if let start = try Self.time(claims["nbf"]), start > now + Self.leeway { throw .invalid }
        let issued = try Self.time(claims["iat"]) ?? 0
        guard issued <= now + Self.leeway else { throw .invalid }
        let validUntil = expiry + Self.leeway
        guard now < validUntil else { throw .expired }
        return Subject(
            id: id, role: try Self.role(claims["role"]), watch: try Self.channels(claims["watch"]),
            write: try Self.channels(claims["write"]), session: try Self.session(claims["sid"]), issuedAt: issued,
            validUntil: validUntil)
    }

    private func isMeantForUs(_ claims: JSONObject) -> Bool {
        if let issuer, claims["iss"] != .string(issuer) { return false }
        guard let audience else { return true }
        switch claims["aud"] {
        case .string(let one): return one == audience
        case .array(let several): return several.contains(.string(audience))
        default: return false
        }
    }

    /// Seconds since 1970; `nil` when the claim is missing.
    private static func time(_ value: JSONObject.Value?) throws(TokenProblem) -> Double? {
        switch value {
        case nil: return nil
        case .number(let seconds) where seconds >= 0 && seconds < 1e11: return seconds
        default: throw .invalid
        }
    }

    private static func role(_ value: JSONObject.Value?) throws(TokenProblem) -> Role {
        switch value {
        case nil: return .user
        case .string(let name):
            guard let role = Role(rawValue: name) else { throw .invalid }
            return role
        default: throw .invalid
        }
    }

    private static func session(_ value: JSONObject.Value?) throws(TokenProblem) -> String? {
        switch value {
        case nil: return nil
        case .string(let id) where Identifier.isValid(id): return id
        default: throw .invalid
        }
    }

    private static func channels(_ value: JSONObject.Value?) throws(TokenProblem) -> ChannelPatterns? {
        guard let value else { return nil }
        guard case .array(let entries) = value, entries.count <= ChannelPatterns.countMax else { throw .invalid }
        var patterns: [String] = []
        for entry in entries {
            guard case .string(let pattern) = entry else { throw .invalid }
            patterns.append(pattern)
        }
        guard let channels = ChannelPatterns(patterns) else { throw .invalid }
        return channels
    }
}
