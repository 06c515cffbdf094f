import CoreMetrics
import Logging
import RedisNIO
import Storage
import Synchronization
import Wire

/// Brings a photo's part from the record into Redis, once, whoever else wants it at the same time.
///
/// Within this process one load of a part serves everybody; between processes a lock decides, and the others wait
/// for the result. The set is built beside its place and put there in one step, so that nobody sees half of it.
final class PartLoader: Sendable {
    struct Request: Hashable, Sendable {
        let photo: String
        let part: Int
        /// What Redis knew of the part when it refused: empty, or the text of a ``PartState``.
        let known: String
    }

    private struct Key: Hashable {
        let photo: String
        let part: Int
    }

    private let store: PartStore
    private let likes: (any LikeStore)?
    private let settings: LikeSettings
    private let logger: Logger
    private let metrics: LikeMetrics
    private let underWay = Mutex<[Key: Task<Result<Void, LikeError>, Never>]>([:])

    /// A lock that its holder does not renew is free after this.
    private static let lockMilliseconds = 10_000
    /// Members of one page: the script's `unpack` takes no more than 8,000.
    private static let pageMax = 7_000
    private static let pause = Duration.milliseconds(20)

    init(
        store: PartStore, likes: (any LikeStore)?, settings: LikeSettings, logger: Logger, metrics: LikeMetrics
    ) {
        self.store = store
        self.likes = likes
        self.settings = settings
        self.logger = logger
        self.metrics = metrics
    }

    /// Returns when the part is in Redis, by whoever's hand.
    func load(_ request: Request) async throws(LikeError) {
        let key = Key(photo: request.photo, part: request.part)
        // Not a child task: the load serves everybody who asks for it meanwhile, whatever becomes of the first.
        let task = underWay.withLock { loads in
            if let task = loads[key] { return task }
            let task = Task {
                let result = await self.loadOnce(request)
                _ = self.underWay.withLock { $0.removeValue(forKey: key) }
                return result
            }
            loads[key] = task
            return task
        }
        try await task.value.get()
    }

    private func loadOnce(_ request: Request) async -> Result<Void, LikeError> {
        guard let likes else { return .success(()) }
        let deadline = ContinuousClock.now + settings.loadTimeout
        do throws(LikeError) {
            while ContinuousClock.now < deadline {
                if try await attempt(request, likes) { return .success(()) }
                // Somebody else holds the lock, or lost it: look again soon.
                try? await Task.sleep(for: Self.pause)
                if try await isLoaded(request) { return .success(()) }
            }
            return .failure(
                LikeError(.recordUnavailable, "the likes of this photo are still being read from the record"))
        } catch {
            metrics.loadsFailed.increment()
            logger.warning("a part cannot be loaded", metadata: ["likes.part": "\(request.part)", "error": "\(error)"])
            return .failure(error)
        }
    }

    private func isLoaded(_ request: Request) async throws(LikeError) -> Bool {
        let keys = store.keys(request.part)
        let replies = try await store.send([
            RedisCommand("HGET", keys.sizes, request.photo), RedisCommand("SCARD", keys.members(request.photo)),
        ])
        guard let state = replies[0].text.flatMap({ PartState(parsing: $0) }) else { return false }
        return state.size == replies[1].integer
    }

    /// `false` when somebody else is at it.
    private func attempt(_ request: Request, _ likes: any LikeStore) async throws(LikeError) -> Bool {
        if request.known.isEmpty, try await markNew(request, likes) { return true }
        let keys = store.keys(request.part)
        let token = String(UInt64.random(in: .min ... .max), radix: 36)
        let lock = try await store.send([
            RedisCommand("SET", keys.lock(request.photo), token, "NX", "PX", "\(Self.lockMilliseconds)"),
            RedisCommand("HGET", keys.sizes, request.photo), RedisCommand("SCARD", keys.members(request.photo)),
        ])
        guard lock[0].text == "OK" else { return false }
        let known = lock[1].text ?? ""
        let state = PartState(parsing: known)
        if let state, state.size == lock[2].integer {
            _ = try await store.send([RedisCommand("DEL", keys.lock(request.photo))])
            return true
        }
        if let state, !state.isCold { try await flush(request, likes) }
        return try await copy(request, token: token, known: known, likes)
    }

    /// A photo that the record does not know has no likes: nothing has to be copied. `false` when it does know it.
    private func markNew(_ request: Request, _ likes: any LikeStore) async throws(LikeError) -> Bool {
        let counts = try await record { () throws(StorageError) in try await likes.counts(of: [request.photo]) }
        if let count = counts[request.photo], count != 0 { return false }
        if settings.requiresRegistration, counts[request.photo] == nil {
            throw LikeError(.unknownPhoto, "nobody registered this photo")
        }
        try await store.mark([(request.photo, request.part, 0)])
        return true
    }

    /// The part was here and is gone: what waits in the stream for the record goes there first, so that the record is
    /// whole when it is read. Nothing can be added meanwhile, since the part takes no changes before it is loaded.
    private func flush(_ request: Request, _ likes: any LikeStore) async throws(LikeError) {
        var id = "-"
        while true {
            let entries = try await store.entries(part: request.part, after: id, limit: 500)
            let changes = entries.flatMap(\.changes).filter { $0.photo == request.photo }
            if !changes.isEmpty {
                _ = try await record { () throws(StorageError) in try await likes.apply(changes) }
            }
            guard entries.count == 500, let last = entries.last else { return }
            id = last.id
        }
    }

    private func copy(
        _ request: Request, token: String, known: String, _ likes: any LikeStore
    ) async throws(LikeError) -> Bool {
        let (photo, part) = (request.photo, request.part)
        let newest = try await record { () throws(StorageError) in
            try await likes.newestVersion(of: photo, part: part, parts: self.store.parts)
        }
        let keys = store.keys(part)
        _ = try await store.send([RedisCommand("UNLINK", keys.loading(photo))])
        var cursor: MembersCursor?
        repeat {
            let after = cursor
            let page = try await record { () throws(StorageError) in
                try await likes.members(
                    of: photo, part: part, parts: self.store.parts, after: after, limit: Self.pageMax)
            }
            guard try await addPage(page.members.map(\.user), photo: photo, keys, token: token) else { return false }
            metrics.membersLoaded.increment(by: page.members.count)
            cursor = page.next
        } while cursor != nil
        return try await install(request, token: token, known: known, newest: newest)
    }

    private func addPage(
        _ users: [String], photo: String, _ keys: PartKeys, token: String
    ) async throws(LikeError) -> Bool {
        var call = PartScripts.page.call(keys: [keys.lock(photo), keys.loading(photo)])
        call.append(token)
        call.append(Self.lockMilliseconds)
        for user in users { call.append(user) }
        return try await store.evaluate(PartScripts.page, call).integer == 1
    }

    private func install(
        _ request: Request, token: String, known: String, newest: Int64
    ) async throws(LikeError) -> Bool {
        let keys = store.keys(request.part)
        var call = PartScripts.install.call(keys: [
            keys.lock(request.photo), keys.loading(request.photo), keys.members(request.photo), keys.sizes, keys.meta,
        ])
        call.append(token)
        call.append(known)
        call.append(request.photo)
        call.append(newest)
        let isInstalled = try await store.evaluate(PartScripts.install, call).integer == 1
        if isInstalled { metrics.loads.increment() }
        return isInstalled
    }

    private func record<Value: Sendable>(
        _ body: () async throws(StorageError) -> Value
    ) async throws(LikeError) -> Value {
        do throws(StorageError) {
            return try await body()
        } catch {
            throw LikeError(error)
        }
    }
}
