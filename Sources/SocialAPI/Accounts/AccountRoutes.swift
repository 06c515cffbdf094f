import HTTPTypes
import Hummingbird
import Identity
import ServiceRuntime
import Social
import Storage
import Wire

/// `POST /api/users/register`, `GET /api/users/{id}`, `GET` and `PATCH /api/users/me`.
struct AccountRoutes: Sendable {
    static let invalid = "invalid_user"

    let store: AccountStore
    let hasher: PasswordHasher
    let sessions: Sessions
    let endings: Endings
    let relations: RelationStore

    func add(to router: Router<ServiceContext>) {
        router.post("api/users/register") { request, context in
            try context.requireSameOrigin(request, allowsPrograms: true)
            try await context.limit(.register, request)
            return try await register(try await request.jsonFields(code: Self.invalid), context)
        }
        router.get("api/users/me") { _, context in try await own(context) }
        router.patch("api/users/me") { request, context in
            let user = try context.account(code: Self.invalid)
            // It may ask for a password, as a log-in does.
            try await context.limit(.login, request, account: user)
            return try await change(user, try await request.jsonFields(code: Self.invalid), context)
        }
        router.get("api/users/{id}") { request, context in
            try context.require(.read)
            try await context.limit(.reads, request)
            return try await account(context.parameters.get("id") ?? "", for: context.caller.subject?.id)
        }
    }

    private func register(_ fields: RequestFields, _ context: ServiceContext) async throws -> Response {
        let name = try AccountRules.name(fields)
        let email = try AccountRules.email(fields, "email")
        let password = try AccountRules.newPassword(fields, "password")
        do {
            // A name that is taken is answered before the work; two at once are told apart by the database.
            guard try await store.account(name) == nil else { throw APIError.usernameTaken }
            let hash = try await hasher.hash(password)
            guard let account = try await store.register(id: name, email: email, password: hash) else {
                throw APIError.usernameTaken
            }
            let tokens = try await sessions.begin(account)
            return SessionRoutes.answer(
                "registered", account, tokens, sessions, status: .created)
        } catch let error as StorageError {
            throw APIError(accounts: error)
        }
    }

    private func account(_ id: String, for viewer: String?) async throws -> Response {
        guard AccountRules.isName(id) else { throw APIError.userNotFound }
        do {
            guard let account = try await store.account(id) else { throw APIError.userNotFound }
            var answer = JSONText(capacity: 256)
            answer.member("user", json: account.json(isOwn: false))
            if let viewer, viewer != id {
                let standing = try await relations.standing(of: viewer, to: id)
                if standing.isBlockedBy { throw APIError.userNotFound }
                answer.member("following", standing.follows)
                answer.member("follows_you", standing.isFollowedBy)
                answer.member("blocked", standing.blocks)
            }
            return .json(answer.finished())
        } catch let error as StorageError {
            throw APIError(accounts: error)
        }
    }

    private func own(_ context: ServiceContext) async throws -> Response {
        let user = try context.account(code: Self.invalid)
        do {
            guard let account = try await store.account(user) else { throw APIError.userNotFound }
            var answer = JSONText(capacity: 256)
            answer.member("user", json: account.json(isOwn: true))
            return .json(answer.finished())
        } catch let error as StorageError {
            throw APIError(accounts: error)
        }
    }

    private func change(_ user: String, _ fields: RequestFields, _ context: ServiceContext) async throws -> Response {
        var change = AccountChange(
            displayName: try AccountRules.text(fields, "display_name", charactersMax: 50),
            bio: try AccountRules.text(fields, "bio", charactersMax: 300))
        if try fields.optionalString("email") != nil { change.email = try AccountRules.email(fields, "email") }
        let newPassword =
            try fields.optionalString("password") == nil ? nil : try AccountRules.newPassword(fields, "password")
        do {
            // Whoever found an open browser must not be able to take the account away.
            if newPassword != nil || change.email != nil {
                let current = Array(try fields.string("current_password").utf8)
                let hash = try await store.login(user)?.password
                guard try await hasher.check(current, against: hash).isRight else { throw APIError.wrongPassword }
            }
            if let newPassword { change.password = try await hasher.hash(newPassword) }
            change.keptSession = context.caller.subject?.session
            guard let (account, ended) = try await store.change(user, change) else { throw APIError.userNotFound }
            await endings.ended(ended)
            var answer = JSONText(capacity: 256)
            answer.member("user", json: account.json(isOwn: true))
            return .json(answer.finished())
        } catch let error as StorageError {
            throw APIError(accounts: error)
        }
    }
}

/// What names, addresses and passwords may be.
enum AccountRules {
    static let passwordLengths = 8...256
    /// Words of routes, and subjects that are no users.
    private static let reserved: Set = [
        "login", "logout", "token", "register", "moderator", "service", "anonymous", "search",
    ]

    static func isName(_ text: String) -> Bool {
        (3...30).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
    }

    static func name(_ fields: RequestFields) throws(APIError) -> String {
        let name = try fields.string("username")
        guard isName(name) else {
            throw .invalid(fields.code, "username must be 3 to 30 characters of a-z, 0-9 and '_'")
        }
        if reserved.contains(name) { throw .usernameTaken }
        return name
    }

    /// No more than the form that every address has: only a message to it could show that it exists.
    static func email(_ fields: RequestFields, _ name: String) throws(APIError) -> String {
        let text = try fields.string(name)
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        let isClean = text.unicodeScalars.allSatisfy { $0.value > 0x20 && !(0x7F...0x9F).contains($0.value) }
        guard (3...254).contains(text.unicodeScalars.count), parts.count == 2, parts.allSatisfy({ !$0.isEmpty }),
            isClean
        else {
            throw .invalid(fields.code, "\(name) must be an address with one @, up to 254 characters, without spaces")
        }
        return text
    }

    static func newPassword(_ fields: RequestFields, _ name: String) throws(APIError) -> [UInt8] {
        let bytes = Array(try fields.string(name).utf8)
        guard passwordLengths.contains(bytes.count) else {
            throw .invalid(
                fields.code, "\(name) must be \(passwordLengths.lowerBound) to \(passwordLengths.upperBound) bytes")
        }
        return bytes
    }

    /// Text that may be empty, or missing.
    static func text(_ fields: RequestFields, _ name: String, charactersMax: Int) throws(APIError) -> String? {
        guard let text = try fields.optionalString(name) else { return nil }
        return text.isEmpty ? "" : try fields.text(name, charactersMax: charactersMax)
    }
}

extension Account {
    /// - Parameter isOwn: with what only the user sees.
    func json(isOwn: Bool) -> [UInt8] {
        var object = JSONText(capacity: 192)
        object.member("id", id)
        object.member("username", id)
        object.member("display_name", displayName)
        object.member("bio", bio)
        object.member("role", role)
        object.member("created_at", Timestamp.text(millisecondsSinceEpoch: createdAt / 1_000))
        if isOwn { object.member("email", email) }
        return object.finished()
    }
}

extension APIError {
    static let usernameTaken = APIError(.conflict, code: "username_taken", "this name is taken")
    static let userNotFound = APIError(.notFound, code: "user_not_found", "there is no such user")
    static let wrongPassword = APIError(.forbidden, code: "wrong_password", "current_password is not the account's")

    /// - Parameter invalid: the code for what the database refuses.
    init(accounts error: StorageError, invalid: String = AccountRoutes.invalid) {
        let code = "storage_unavailable"
        if error.outcomeIsUnknown {
            self = .unavailable(code, "it is not known whether this was done: PostgreSQL went away")
            return
        }
        switch error.code {
        case .unavailable: self = .unavailable(code, "PostgreSQL is away")
        case .timeout: self = .unavailable(code, "PostgreSQL is too slow")
        case .overloaded: self = .unavailable(code, "PostgreSQL takes no more at the moment")
        case .invalid where error.isFilteredWord: self = .filteredWord
        case .invalid, .duplicate, .refused: self = .invalid(invalid, "the database refuses it")
        case .unknownCursor, .internal:
            self = .unavailable("storage_failed", "storing or reading failed").caused(by: error)
        }
    }
}
