import HTTPTypes
import Hummingbird
import Identity
import ServiceRuntime
import Storage
import Wire

/// `PUT` and `DELETE /api/users/{id}/suspension`, by moderators: the user may do nothing until it is over.
struct SuspensionRoutes: Sendable {
    static let seconds = 1...315_360_000

    let store: AccountStore
    let endings: Endings

    func add(to router: Router<ServiceContext>) {
        router.put("api/users/{id}/suspension") { request, context in
            try context.require(.moderate)
            let fields = try await request.json(Suspension.self, code: "invalid_suspension")
            guard Self.seconds.contains(fields.seconds) else {
                throw APIError.invalid(
                    "invalid_suspension", "seconds must be \(Self.seconds.lowerBound) to \(Self.seconds.upperBound)")
            }
            return try await suspend(context.parameters.get("id") ?? "", seconds: fields.seconds)
        }
        router.delete("api/users/{id}/suspension") { _, context in
            try context.require(.moderate)
            return try await suspend(context.parameters.get("id") ?? "", seconds: nil)
        }
    }

    private struct Suspension: Decodable {
        var seconds: Int
    }

    private func suspend(_ user: String, seconds: Int?) async throws -> Response {
        do {
            guard AccountRules.isName(user), try await store.suspend(user, seconds: seconds) else {
                throw APIError.userNotFound
            }
        } catch let error as StorageError {
            throw APIError(accounts: error)
        }
        await endings.suspended(user, seconds: seconds)
        var answer = JSONText(capacity: 96)
        answer.member("id", user)
        answer.member("suspended", seconds != nil)
        return .json(answer.finished())
    }
}
