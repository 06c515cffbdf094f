import HTTPTypes
import Hummingbird
import Identity
import ServiceRuntime
import Storage
import Wire

/// `POST /api/users/login`, `/token` and `/logout`.
struct SessionRoutes: Sendable {
    static let invalid = "invalid_login"

    let store: AccountStore
    let hasher: PasswordHasher
    let sessions: Sessions
    let endings: Endings

    func add(to router: Router<ServiceContext>) {
        router.post("api/users/login") { request, context in
            try context.requireSameOrigin(request, allowsPrograms: true)
            return try await login(try await request.jsonFields(code: Self.invalid), request, context)
        }
        router.post("api/users/token") { request, context in
            try await context.limit(.refresh, request)
            return try await refresh(request, context)
        }
        router.post("api/users/logout") { request, context in try await logout(request, context) }
    }

    private func login(
        _ fields: RequestFields, _ request: Request, _ context: ServiceContext
    ) async throws -> Response {
        let name = try fields.string("username")
        let password = Array(try fields.string("password").utf8)
        try await context.limit(.login, request, account: AccountRules.isName(name) ? name : nil)
        guard password.count <= AccountRules.passwordLengths.upperBound else { throw APIError.invalidCredentials }
        do {
            // A name that cannot be one takes the same way: how long an answer takes says nothing.
            let found = AccountRules.isName(name) ? try await store.login(name) : nil
            let verdict = try await hasher.check(password, against: found?.password)
            guard verdict.isRight, let found else { throw APIError.invalidCredentials }
            if found.account.isSuspended { throw APIError.suspended }
            if verdict.isOutdated, let new = try? await hasher.hash(password) {
                try await store.rehash(name, from: found.password, to: new)
            }
            return Self.answer("logged in", found.account, try await sessions.begin(found.account), sessions)
        } catch let error as StorageError {
            throw APIError(accounts: error)
        }
    }

    static func answer(
        _ message: String, _ account: Account, _ tokens: Sessions.Tokens, _ sessions: Sessions,
        status: HTTPResponse.Status = .ok
    ) -> Response {
        var answer = JSONText(capacity: 768)
        answer.member("message", message)
        answer.member("user", json: account.json(isOwn: true))
        answer.member("access_token", tokens.access)
        answer.member("expires_in", sessions.settings.accessSeconds)
        var response = Response.json(answer.finished(), status: status)
        sessions.setCookies(tokens, in: &response)
        return response
    }

    private func refresh(_ request: Request, _ context: ServiceContext) async throws -> Response {
        guard let token = Sessions.refreshToken(request) else { throw APIError.invalidRefreshToken }
        try context.requireSameOrigin(request)
        let next = RefreshToken()
        do {
            switch try await store.refresh(token: token.digest, next: next.digest) {
            case .unknown: throw APIError.invalidRefreshToken
            case .suspended: throw APIError.suspended
            case .reused(let session):
                await endings.ended([session])
                throw APIError.invalidRefreshToken
            case .renewed(let session, let account):
                let access = try await sessions.sign(account, session)
                var answer = JSONText(capacity: 512)
                answer.member("access_token", access)
                answer.member("expires_in", sessions.settings.accessSeconds)
                var response = Response.json(answer.finished())
                sessions.setCookies(Sessions.Tokens(access: access, refresh: next), in: &response)
                return response
            }
        } catch let error as StorageError {
            throw APIError(accounts: error)
        }
    }

    /// Ends the session of the refresh token, and that of the access token. A request without either has logged out before.
    private func logout(_ request: Request, _ context: ServiceContext) async throws -> Response {
        if Sessions.refreshToken(request) != nil { try context.requireSameOrigin(request) }
        do {
            var ended: [String] = []
            if let token = Sessions.refreshToken(request), let session = try await store.end(token: token.digest) {
                ended.append(session)
            }
            if let session = context.caller.subject?.session, !ended.contains(session) {
                try await store.end(session: session)
                ended.append(session)
            }
            await endings.ended(ended)
            var answer = JSONText()
            answer.member("message", "logged out")
            var response = Response.json(answer.finished())
            sessions.setCookies(nil, in: &response)
            return response
        } catch {
            throw APIError(accounts: error)
        }
    }
}

extension APIError {
    static let invalidCredentials = APIError(
        .unauthorized, code: "invalid_credentials", "the name or the password is wrong",
        headers: [.wwwAuthenticate: "Bearer"])
    static let invalidRefreshToken = APIError(
        .unauthorized, code: "invalid_refresh_token", "this log-in is over", headers: [.wwwAuthenticate: "Bearer"])
    static let suspended = APIError(.forbidden, code: TokenProblem.suspended.rawValue, TokenProblem.suspended.sentence)
}
