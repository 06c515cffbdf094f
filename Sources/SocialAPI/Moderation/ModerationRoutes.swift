import HTTPTypes
import Hummingbird
import Identity
import ServiceRuntime
import Social
import Storage
import Wire

/// `POST /api/reports` by everybody who has an account; `GET /api/moderation/reports`, `POST` and `GET
/// /api/moderation/actions`, `PUT` and `GET /api/moderation/words` by moderators.
struct ModerationRoutes: Sendable {
    static let invalid = "invalid_moderation"

    let store: ModerationStore
    let posts: PostStore
    let accounts: AccountStore
    let endings: Endings

    func add(to router: Router<ServiceContext>) {
        router.post("api/reports") { request, context in
            let user = try context.account(code: Self.invalid)
            try await context.limit(.reports, request)
            return try await report(try await request.jsonFields(code: Self.invalid), by: user)
        }
        router.get("api/moderation/reports") { request, context in
            try context.require(.moderate)
            return try await reports(try RequestFields(queryOf: request, code: Self.invalid))
        }
        router.post("api/moderation/actions") { request, context in
            try context.require(.moderate)
            let moderator = context.caller.subject?.id ?? "moderator"
            return try await act(try await request.jsonFields(code: Self.invalid), by: moderator)
        }
        router.get("api/moderation/actions") { request, context in
            try context.require(.moderate)
            return try await log(try RequestFields(queryOf: request, code: Self.invalid))
        }
        router.put("api/moderation/words") { request, context in
            try context.require(.moderate)
            return try await setWords(
                try await request.json(Words.self, code: Self.invalid, bytesMax: 1 << 20).words)
        }
        router.get("api/moderation/words") { _, context in
            try context.require(.moderate)
            return try await words()
        }
    }

    // MARK: Reports

    private func report(_ fields: RequestFields, by user: String) async throws -> Response {
        let (kind, id) = try Self.subject(fields)
        let reason = try fields.text("reason", charactersMax: ModerationStore.reasonMax)
        do {
            guard try await store.report(kind, id, by: user, reason: reason) else { throw APIError.subjectNotFound }
        } catch let error as StorageError {
            throw APIError(accounts: error, invalid: Self.invalid)
        }
        var answer = JSONText(capacity: 96)
        answer.member("type", kind.rawValue)
        answer.member("id", id)
        answer.member("reported", true)
        return .json(answer.finished(), status: .created)
    }

    private static func subject(_ fields: RequestFields) throws(APIError) -> (ModeratedKind, String) {
        guard let kind = ModeratedKind(rawValue: try fields.string("type")) else {
            throw .invalid(invalid, "type must be post, comment or user")
        }
        return (kind, try fields.identifier("id"))
    }

    private func reports(_ fields: RequestFields) async throws -> Response {
        let before: Int64? = try fields.cursor { Self.cursor($0, of: "reports") }
        let limit = try fields.pageLimit()
        do {
            let page = try await store.reports(before: before, limit: limit)
            return .list("reports", page.items.map(\.json), next: page.next.map { "reports.\($0)" })
        } catch {
            throw APIError(accounts: error, invalid: Self.invalid)
        }
    }

    private static func cursor(_ text: String, of list: String) -> Int64? {
        guard text.hasPrefix(list + "."), let id = Int64(text.dropFirst(list.count + 1)), id > 0 else { return nil }
        return id
    }

    // MARK: Actions

    private func act(_ fields: RequestFields, by moderator: String) async throws -> Response {
        let (kind, id) = try Self.subject(fields)
        guard let action = ModerationAction(rawValue: try fields.string("action")) else {
            throw APIError.invalid(Self.invalid, "action must be remove, hold, approve, limit, suspend or restore")
        }
        guard action.suits(kind) else {
            throw APIError.invalid(Self.invalid, "this action is not for a \(kind.rawValue)")
        }
        let reason = try AccountRules.text(fields, "reason", charactersMax: ModerationStore.reasonMax) ?? ""
        let seconds = try fields.optionalInteger("seconds")
        if action == .suspend {
            guard let seconds, SuspensionRoutes.seconds.contains(seconds) else {
                throw APIError.invalid(Self.invalid, "seconds must say how long the suspension lasts")
            }
        }
        do {
            guard try await perform(action, kind, id, by: moderator, seconds: seconds) else {
                throw APIError.subjectNotFound
            }
            try await store.record(action, on: kind, id, by: moderator, reason: reason)
        } catch let error as StorageError {
            throw APIError(accounts: error, invalid: Self.invalid)
        }
        var answer = JSONText(capacity: 32)
        answer.member("done", true)
        return .json(answer.finished())
    }

    private func perform(
        _ action: ModerationAction, _ kind: ModeratedKind, _ id: String, by moderator: String, seconds: Int?
    ) async throws -> Bool {
        switch (action, kind) {
        case (.remove, .post): return try await posts.delete(id, by: moderator, isModerator: true) == .deleted
        case (.suspend, _):
            guard try await accounts.suspend(id, seconds: seconds) else { return false }
            await endings.suspended(id, seconds: seconds)
            return true
        case (.restore, _):
            guard try await store.perform(action, on: kind, id) else { return false }
            await endings.suspended(id, seconds: nil)
            return true
        default: return try await store.perform(action, on: kind, id)
        }
    }

    private func log(_ fields: RequestFields) async throws -> Response {
        let before: Int64? = try fields.cursor { Self.cursor($0, of: "actions") }
        let limit = try fields.pageLimit()
        do {
            let page = try await store.entries(before: before, limit: limit)
            return .list("actions", page.items.map(\.json), next: page.next.map { "actions.\($0)" })
        } catch {
            throw APIError(accounts: error, invalid: Self.invalid)
        }
    }

    // MARK: Words

    private struct Words: Decodable {
        var words: [FilteredWord]
    }

    private func setWords(_ words: [FilteredWord]) async throws -> Response {
        guard words.count <= ModerationStore.wordsMax, words.allSatisfy({ (1...64).contains($0.word.utf8.count) })
        else {
            throw APIError.invalid(
                Self.invalid, "there may be \(ModerationStore.wordsMax) words of 1 to 64 bytes")
        }
        guard words.allSatisfy({ !$0.word.utf8.contains(0) }) else {
            throw APIError.invalid(Self.invalid, "a word contains U+0000")
        }
        do {
            if let place = try await store.setWords(words) {
                throw APIError.invalid(Self.invalid, "entry \(place + 1) is not one word")
            }
        } catch let error as StorageError {
            throw APIError(accounts: error, invalid: Self.invalid)
        }
        return try await self.words()
    }

    private func words() async throws -> Response {
        do {
            let words = try await store.words().map { word in
                var object = JSONText(capacity: 96)
                object.member("word", word.word)
                object.member("effect", word.effect.rawValue)
                return object.finished()
            }
            return .list("words", words)
        } catch {
            throw APIError(accounts: error, invalid: Self.invalid)
        }
    }
}

extension ReportedSubject {
    var json: [UInt8] {
        var object = JSONText(capacity: 512)
        object.member("type", kind.rawValue)
        object.member("id", id)
        object.member("user_id", author)
        object.member("content", content)
        object.member("state", state)
        if let channel = channel.flatMap({ Channel(name: $0) }) {
            if channel.kind == .post { object.member("post_id", channel.id) }
            if channel.kind == .video { object.member("video_id", channel.id) }
        }
        object.member("count", count)
        object.member("reasons", json: reasons.utf8)
        object.member("reported_at", Timestamp.text(millisecondsSinceEpoch: reportedAt / 1_000))
        return object.finished()
    }
}

extension ModerationEntry {
    var json: [UInt8] {
        var object = JSONText(capacity: 256)
        object.member("id", id)
        object.member("moderator", moderator)
        object.member("action", action)
        object.member("type", kind)
        object.member("subject_id", subject)
        object.member("reason", reason)
        object.member("at", Timestamp.text(millisecondsSinceEpoch: at / 1_000))
        return object.finished()
    }
}

extension APIError {
    static let subjectNotFound = APIError(
        .notFound, code: "subject_not_found", "there is no such post, comment or user")
    static let filteredWord = APIError(
        .badRequest, code: "filtered_word", "the text has a word that is not taken here")
}
