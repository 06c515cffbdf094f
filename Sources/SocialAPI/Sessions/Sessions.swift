import Crypto
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Identity
import Primitives
import ServiceRuntime
import Storage

/// A random text that stands for a session; the database knows its digest only.
struct RefreshToken: Equatable, Sendable {
    static let cookieName = "chorus_refresh"
    private static let bytes = 32

    let text: String

    /// Random.
    init() { text = Self.random(Self.bytes) }

    /// `nil` for what none can be.
    init?(_ text: String) {
        guard text.utf8.count == 43 else { return nil }
        self.text = text
    }

    var digest: String { Base64URL.encode(SHA256.hash(data: Data(text.utf8))) }

    static func random(_ bytes: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        return Base64URL.encode((0..<bytes).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }
}

/// The tokens of log-ins: a short access token that every service verifies by itself, and a refresh token for the next one.
struct Sessions: Sendable {
    struct Tokens: Sendable {
        var access: String
        var refresh: RefreshToken
    }

    let store: AccountStore
    let signer: TokenSigner
    let settings: SessionSettings
    let rules: TokenRules

    /// A new session.
    func begin(_ account: Account) async throws -> Tokens {
        let session = RefreshToken.random(16)
        let refresh = RefreshToken()
        try await store.begin(
            session: session, of: account.id, token: refresh.digest, lifetimeSeconds: settings.sessionSeconds)
        return Tokens(access: try await sign(account, session), refresh: refresh)
    }

    func sign(_ account: Account, _ session: String) async throws -> String {
        try await signer.sign(
            Subject(id: account.id, role: Role(rawValue: account.role) ?? .user, session: session), rules: rules,
            now: Int(WallClock.milliseconds() / 1_000), lifetime: settings.accessSeconds)
    }

    // MARK: Cookies

    /// The refresh token of a request; `nil` when it has none, or several that differ.
    static func refreshToken(_ request: Request) -> RefreshToken? {
        let values = Credentials.values(ofCookie: RefreshToken.cookieName, in: request.headers[values: .cookie])
            .filter { !$0.isEmpty }
        guard let first = values.first, values.allSatisfy({ $0 == first }) else { return nil }
        return RefreshToken(first)
    }

    /// Sets both cookies, or removes them.
    func setCookies(_ tokens: Tokens?, in response: inout Response) {
        // Strict for what is sent to this service's own routes only; Lax so that a link from elsewhere finds people logged in.
        let session = "\(Credentials.cookieName)=\(tokens?.access ?? ""); Path=/; HttpOnly; Secure; SameSite=Lax"
        let refresh =
            "\(RefreshToken.cookieName)=\(tokens?.refresh.text ?? ""); Path=/api/users; HttpOnly; Secure; SameSite=Strict"
        let (accessAge, refreshAge) = tokens == nil ? (0, 0) : (settings.accessSeconds, settings.sessionSeconds)
        response.headers.append(HTTPField(name: .setCookie, value: "\(session); Max-Age=\(accessAge)"))
        response.headers.append(HTTPField(name: .setCookie, value: "\(refresh); Max-Age=\(refreshAge)"))
        response.headers[.cacheControl] = "no-store"
    }
}
