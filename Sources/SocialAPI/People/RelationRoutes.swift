import HTTPTypes
import Hummingbird
import Identity
import ServiceRuntime
import Social
import Storage
import Wire

/// `PUT` and `DELETE /api/users/{id}/follow` and `/block`, in the caller's own name.
struct RelationRoutes: Sendable {
    static let invalid = "invalid_relation"

    let store: RelationStore

    func add(to router: Router<ServiceContext>) {
        let store = store
        router.put("api/users/{id}/follow") { request, context in
            try await perform(request, context, "following", true) { try await store.follow($0, by: $1) }
        }
        router.delete("api/users/{id}/follow") { request, context in
            try await perform(request, context, "following", false) {
                try await store.unfollow($0, by: $1)
                return .done
            }
        }
        router.put("api/users/{id}/block") { request, context in
            try await perform(request, context, "blocked", true) { try await store.block($0, by: $1) }
        }
        router.delete("api/users/{id}/block") { request, context in
            try await perform(request, context, "blocked", false) {
                try await store.unblock($0, by: $1)
                return .done
            }
        }
    }

    private func perform(
        _ request: Request, _ context: ServiceContext, _ member: StaticString, _ value: Bool,
        _ work: (_ other: String, _ user: String) async throws -> RelationStore.Outcome
    ) async throws -> Response {
        let user = try context.account(code: Self.invalid)
        try await context.limit(.follows, request)
        guard let other = context.parameters.get("id"), AccountRules.isName(other) else { throw APIError.userNotFound }
        guard other != user else { throw APIError.invalid(Self.invalid, "this is somebody else's to do") }
        do {
            switch try await work(other, user) {
            case .done: break
            case .unknownUser, .noAccount: throw APIError.userNotFound
            case .tooMany: throw APIError.tooManyRelations
            }
        } catch let error as StorageError {
            throw APIError(accounts: error, invalid: Self.invalid)
        }
        var answer = JSONText(capacity: 64)
        answer.member("user_id", other)
        answer.member(member, value)
        return .json(answer.finished())
    }
}

extension APIError {
    static let tooManyRelations = APIError(
        .conflict, code: "too_many_relations", "one may follow, and block, \(RelationStore.relationsMax) users")
}
