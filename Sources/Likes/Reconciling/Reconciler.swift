public import Logging
public import RedisNIO
public import Storage

/// Compares the counts and members of Redis with those of the record, photo by photo, and puts them right.
///
/// Where both have a part, Redis is right: it is what users were answered from. The record gets the user's state with
/// a version of now, in one step with reading it, so that a like that comes meanwhile still wins. Where Redis does not
/// have a part, the record is right by definition. Likes on their way to the record are no differences: a difference
/// counts when it is still there after everything in the stream was applied and some time has passed.
public struct Reconciler: Sendable {
    private let store: PartStore
    private let loader: PartLoader
    private let likes: any LikeStore
    private let repairs: Bool
    private let logger: Logger
    /// Changes that are on their way get so long to arrive.
    var patience: Duration = .seconds(1)

    private static let pageMax = 10_000
    private static let attestedMax = 4_000

    /// - Parameter repairs: `false` only reports.
    public init(redis: RedisClient, likes: any LikeStore, settings: LikeSettings, repairs: Bool, logger: Logger) {
        store = PartStore(redis: redis, settings: settings, hasRecord: true)
        loader = PartLoader(store: store, likes: likes, settings: settings, logger: logger, metrics: LikeMetrics())
        self.likes = likes
        self.repairs = repairs
        self.logger = logger
    }

    public func run() async throws -> ReconcileReport {
        var report = ReconcileReport()
        for part in 0..<store.parts { try await flush(part) }
        for photo in try await photos() {
            try await compare(photo, &report)
            report.photos += 1
        }
        report.isRepaired = repairs && report.differences > 0
        return report
    }

    /// Everything that one of the two knows. Held in memory: 100 bytes a photo.
    private func photos() async throws -> [String] {
        var photos: Set<String> = []
        var last: String?
        while true {
            let page = try await likes.photos(after: last, limit: Self.pageMax)
            photos.formUnion(page.map(\.photo))
            guard page.count == Self.pageMax else { break }
            last = page.last?.photo
        }
        for part in 0..<store.parts { try await scan("HSCAN", store.keys(part).sizes, step: 2) { photos.insert($0) } }
        return photos.sorted()
    }

    /// Walks over a hash or a set of Redis; an element may come more than once.
    private func scan(_ command: String, _ key: String, step: Int, _ body: (String) -> Void) async throws {
        var cursor = "0"
        repeat {
            let reply = try await store.send([RedisCommand(command, key, cursor, "COUNT", "5000")]).first?.array
            guard let reply, reply.count == 2, let next = reply[0].text, let values = reply[1].array else {
                throw PartStore.strange
            }
            for index in stride(from: 0, to: values.count, by: step) { values[index].text.map(body) }
            cursor = next
        } while cursor != "0"
    }

    /// What waits in a part's stream, applied to the record as a worker would, without taking it out.
    private func flush(_ part: Int) async throws {
        var id = "-"
        while true {
            let entries = try await store.entries(part: part, after: id, limit: 500)
            let changes = entries.flatMap(\.changes)
            if !changes.isEmpty { _ = try await likes.apply(changes) }
            guard entries.count == 500, let last = entries.last else { return }
            id = last.id
        }
    }

    // MARK: One photo

    private func compare(_ photo: String, _ report: inout ReconcileReport) async throws {
        let states = try await store.read([photo]).0.states[0]
        for (part, state) in states.enumerated() {
            if let state, !state.isCold {
                try await compare(photo, part, state, &report)
            } else {
                report.partsNotInRedis += 1
                if let state { try await compareCold(photo, part, state, &report) }
            }
        }
        try await compareCount(photo, &report)
    }

    private func compareCount(_ photo: String, _ report: inout ReconcileReport) async throws {
        if repairs {
            let repair = try await likes.recount(photo: photo)
            if repair.before != repair.after { report.wrongCounts += 1 }
        } else {
            let held = try await likes.counts(of: [photo])[photo] ?? 0
            if try await likes.count(of: photo, part: 0, parts: 1) != held { report.wrongCounts += 1 }
        }
    }

    /// A size that was read from the record once: forgotten when it is no longer the record's.
    private func compareCold(
        _ photo: String, _ part: Int, _ state: PartState, _ report: inout ReconcileReport
    ) async throws {
        let held = try await likes.count(of: photo, part: part, parts: store.parts)
        guard held != state.size else { return }
        report.wrongSizes += 1
        guard repairs else { return }
        var call = PartScripts.forget.call(keys: [store.keys(part).sizes])
        call.append(photo)
        call.append("\(state.size):\(state.version)c")
        _ = try await store.evaluate(PartScripts.forget, call)
    }

    private func compare(
        _ photo: String, _ part: Int, _ state: PartState, _ report: inout ReconcileReport
    ) async throws {
        report.partsCompared += 1
        if try await !sizeIsRight(photo, part) {
            report.wrongSizes += 1
            guard repairs else { return }
            try await loader.load(PartLoader.Request(photo: photo, part: part, known: "lost"))
        }
        var inRedis: Set<String> = []
        try await scan("SSCAN", store.keys(part).members(photo), step: 1) { inRedis.insert($0) }
        let inRecord = try await recorded(photo, part)
        report.members += inRedis.count
        let suspects = Array(inRedis.symmetricDifference(inRecord))
        guard !suspects.isEmpty else { return }
        try await Task.sleep(for: patience)
        try await flush(part)
        for start in stride(from: 0, to: suspects.count, by: Self.attestedMax) {
            let users = Array(suspects[start..<min(start + Self.attestedMax, suspects.count)])
            try await settle(users, photo, part, &report)
        }
    }

    private func sizeIsRight(_ photo: String, _ part: Int) async throws -> Bool {
        let keys = store.keys(part)
        let replies = try await store.send([
            RedisCommand("HGET", keys.sizes, photo), RedisCommand("SCARD", keys.members(photo)),
        ])
        return replies[0].text.flatMap { PartState(parsing: $0) }?.size == replies[1].integer
    }

    private func recorded(_ photo: String, _ part: Int) async throws -> Set<String> {
        var users: Set<String> = []
        var cursor: MembersCursor?
        repeat {
            let page = try await likes.members(
                of: photo, part: part, parts: store.parts, after: cursor, limit: Self.pageMax)
            users.formUnion(page.members.map(\.user))
            cursor = page.next
        } while cursor != nil
        return users
    }

    private func settle(
        _ users: [String], _ photo: String, _ part: Int, _ report: inout ReconcileReport
    ) async throws {
        let keys = store.keys(part)
        var call = PartScripts.attest.call(keys: [keys.members(photo), keys.meta])
        for user in users { call.append(user) }
        let reply = try await store.evaluate(PartScripts.attest, call).array ?? []
        guard reply.count == 3, let first = reply[0].integer, let now = reply[1].integer,
            let flags = reply[2].bytes, flags.count == users.count
        else { throw PartStore.strange }
        var changes: [LikeChange] = []
        for (index, user) in users.enumerated() {
            let liked = flags[index] == UInt8(ascii: "1")
            guard try await likes.isLiked(photo: photo, by: user) != liked else { continue }
            if liked { report.missingInRecord += 1 } else { report.missingInRedis += 1 }
            changes.append(
                LikeChange(photo: photo, user: user, liked: liked, version: first + Int64(index), at: now))
        }
        guard repairs, !changes.isEmpty else { return }
        logger.info("the record is put right", metadata: ["likes": "\(changes.count)", "likes.part": "\(part)"])
        _ = try await likes.apply(changes)
    }
}
