public import Identity

/// Who may use a service: the same settings for every process.
public struct AccessSettings: Sendable {
    public var mode: Authenticator.Mode
    /// `nil`: only shared secrets are accepted.
    public var keysFile: String?
    public var rules: TokenRules
    /// For this process's own requests to other services, and from them.
    public var service: SharedSecret?
    public var moderator: SharedSecret?
    /// Who may read `/metrics` without a token.
    public var metricsAllow: [AddressRange]
    public var limits: Limits
    /// Whose `X-Forwarded-For` is believed.
    public var trustedProxies: [AddressRange]
    /// `nil`: pages of every origin may use the service, without cookies.
    public var allowedOrigins: Set<String>?

    /// - Parameter mode: `nil`: what `AUTH` says; a service that is all about accounts leaves no choice.
    public init(from reader: inout SettingsReader, mode fixed: Authenticator.Mode? = nil) {
        mode =
            fixed
            ?? reader.choice(
                "AUTH", default: .off,
                "Who may come: `off`, everybody, as whoever the request says; `optional`, callers without a token may watch; "
                    + "`required`, everybody needs a token.")
        keysFile = reader.optionalFile(
            "AUTH_KEYS_FILE", "JSON Web Key Set of those who sign tokens; read again when it changes.")
        rules = TokenRules(
            audience: reader.optionalWord("AUTH_AUDIENCE", "`aud` that a token must have; unset: any."),
            issuer: reader.optionalWord("AUTH_ISSUER", "`iss` that a token must have; unset: any."))
        service = reader.optionalSecret(
            "SERVICE_TOKEN", length: SharedSecret.lengths,
            "Bearer token of the processes among each other: role `service`. Sent with reports."
        ).map { SharedSecret($0, role: .service) }
        moderator = reader.optionalSecret(
            "MODERATOR_TOKEN", length: SharedSecret.lengths,
            "Bearer token with the role `moderator`, besides signed ones; it may remove any comment, with `AUTH=off` too."
        ).map { SharedSecret($0, role: .moderator) }
        metricsAllow = reader.addressRanges(
            "METRICS_ALLOW", "Who may read `/metrics` without a token where `AUTH` is not `off`.")
        let mode = mode
        let limitsDeclaration = SettingDeclaration(
            key: "LIMITS", type: "limits", defaultText: "none with `AUTH=off`, else those of PROTOCOL.md",
            range: "`route:scope=count/seconds` or `…=off`, with spaces between; or `off`",
            doc: "How often requests may come; what is not named stays as by default.")
        let standard = mode == .off ? Limits() : Limits.standard
        limits = reader.value(limitsDeclaration, default: standard) { Limits(parsing: $0, changing: standard) }
        trustedProxies = reader.addressRanges("TRUSTED_PROXIES", "Proxies whose `X-Forwarded-For` is believed.")
        let originsDeclaration = SettingDeclaration(
            key: "ALLOWED_ORIGINS", type: "origins",
            defaultText: "all with `AUTH=off`, else none but the service's own",
            range: "`https://host[:port]`, with spaces between",
            doc: "Other origins whose pages may use the service, with cookies.")
        allowedOrigins = reader.value(originsDeclaration, default: mode == .off ? nil : []) { text in
            let origins = text.split(separator: " ").map(String.init)
            let areOrigins = origins.allSatisfy { origin in
                ServiceURL(origin, schemes: ["http", "https"]).map { $0.path.isEmpty && !$0.hasCredentials } ?? false
                    && !origin.contains("?") && !origin.contains("#") && origin == origin.lowercased()
            }
            guard areOrigins, origins.count <= 64 else { return nil }
            return Set(origins)
        }
        if mode != .off, keysFile == nil {
            reader.refuse("AUTH_KEYS_FILE", because: "is needed, since AUTH is not off")
        }
    }
}

extension AccessSettings {
    /// What a process that asks for tokens needs of Redis besides (``RedisNeeds``).
    ///
    /// - Parameter slowMode: whether it has channels with a slow mode.
    public func redisNeeds(slowMode: Bool = false) -> [[String]] {
        guard mode != .off else { return [] }
        return RevocationFeed.needs + RateLimiter.needs + (slowMode ? RateLimiter.slowModeNeeds : [])
    }
}

extension SettingsReader {
    /// The path of a file that may be absent.
    public mutating func optionalFile(_ key: String, _ doc: String) -> String? {
        let declaration = SettingDeclaration(key: key, type: "a path", range: "1 to 4096 bytes", doc: doc)
        return value(declaration, default: nil) { text in
            guard text.utf8.count <= 4_096, !text.utf8.contains(0) else { return nil }
            return text
        }
    }

    /// Visible text without spaces that may be absent.
    public mutating func optionalWord(_ key: String, _ doc: String) -> String? {
        let declaration = SettingDeclaration(
            key: key, type: "text", range: "1 to 255 visible ASCII characters", doc: doc)
        return value(declaration, default: nil) { text in
            guard text.utf8.count <= 255, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
            return text
        }
    }

    /// Addresses and ranges of addresses; none by default.
    public mutating func addressRanges(_ key: String, _ doc: String) -> [AddressRange] {
        let declaration = SettingDeclaration(
            key: key, type: "addresses", defaultText: "none",
            range: "up to 64 of `10.0.0.0/8`, `::1`, with `,` between",
            doc: doc)
        return value(declaration, default: []) { text in
            let parts = text.split(separator: ",", omittingEmptySubsequences: false)
            let ranges = parts.compactMap { AddressRange($0.filter { $0 != " " }) }
            return ranges.count == parts.count && ranges.count <= 64 ? ranges : nil
        }
    }
}
