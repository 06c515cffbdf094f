import HTTPTypes
import Hummingbird
import Identity
import NIOCore
import ServiceRuntime
import Social
import Storage
import Wire

/// `GET /api/users/me/export` and `DELETE /api/users/me`: everything of one's own, to take along and to be gone.
struct ErasureRoutes: Sendable {
    /// A log-in that is younger stands for the password.
    static let freshSeconds = 300

    let store: AccountStore
    let hasher: PasswordHasher
    let sessions: Sessions
    let endings: Endings
    let erasure: ErasureStore
    let export: ExportStore

    func add(to router: Router<ServiceContext>) {
        router.get("api/users/me/export") { request, context in
            let user = try context.account(code: AccountRoutes.invalid)
            try await context.limit(.exports, request)
            return try await export(user)
        }
        router.delete("api/users/me") { request, context in
            let user = try context.account(code: AccountRoutes.invalid)
            try await context.limit(.login, request, account: user)
            return try await erase(user, request, context)
        }
    }

    /// NDJSON; the last line counts the others, so that who reads it knows that it is whole.
    private func export(_ user: String) async throws -> Response {
        let profile: String
        do {
            guard let found = try await export.profile(user) else { throw APIError.userNotFound }
            profile = found
        } catch let error as StorageError {
            throw APIError(accounts: error)
        }
        let export = export
        let body = ResponseBody { writer in
            var lines = 1
            try await writer.write(ByteBuffer(string: profile + "\n"))
            // What fails from here on ends the connection before the last line.
            try await export.forEachPage(user) { page in
                lines += page.count
                try await writer.write(ByteBuffer(string: page.joined(separator: "\n") + "\n"))
            }
            try await writer.write(ByteBuffer(string: #"{"type":"end","lines":\#(lines)}"# + "\n"))
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: "application/x-ndjson", .cacheControl: "no-store",
                .contentDisposition: #"attachment; filename="\#(user).ndjson""#,
            ], body: body)
    }

    private func erase(_ user: String, _ request: Request, _ context: ServiceContext) async throws -> Response {
        let fields =
            request.headers[.contentType] == nil
            ? RequestFields(JSONObject(), code: AccountRoutes.invalid)
            : try await request.jsonFields(code: AccountRoutes.invalid)
        let password = try fields.optionalString("password")
        do {
            if let password {
                let hash = try await store.login(user)?.password
                guard try await hasher.check(Array(password.utf8), against: hash).isRight else {
                    throw APIError.wrongPassword
                }
            } else {
                guard let session = context.caller.subject?.session,
                    try await erasure.isFresh(session: session, of: user, withinSeconds: Self.freshSeconds)
                else {
                    throw APIError.invalid(
                        AccountRoutes.invalid,
                        "password is missing, and this log-in is not of the last \(Self.freshSeconds) seconds")
                }
            }
            guard let ended = try await erasure.begin(user) else { throw APIError.userNotFound }
            await endings.ended(ended)
        } catch let error as StorageError {
            throw APIError(accounts: error)
        }
        var answer = JSONText(capacity: 64)
        answer.member("id", user)
        answer.member("erasing", true)
        var response = Response.json(answer.finished(), status: .accepted)
        sessions.setCookies(nil, in: &response)
        return response
    }
}
