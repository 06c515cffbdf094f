public import Logging
public import RedisNIO
public import Storage
import Wire

/// Compares the counts and members of Redis with those of the database, photo by photo, and puts them right.
///
/// Redis is held against the database first: a partition in which it is the older one is read anew (``PartitionVerifier``).
/// Where both then have a partition, Redis is right: it is what users were answered from. The database gets the user's
/// state with a version of now, in one step with reading it, so that a like that comes meanwhile still wins. Where Redis
/// does not have a partition, the database is right by definition. Likes on their way to the database are no differences: a
/// difference counts when it is still there after everything in the stream was applied and some time has passed.
public struct Reconciler: Sendable {
    private let store: PartitionStore
    private let loader: PartitionLoader
    private let verifier: PartitionVerifier
    private let likes: any LikeStore
    private let repairs: Bool
    private let logger: Logger
    /// Changes that are on their way get so long to arrive.
    var patience: Duration = .seconds(1)

    private static let pageMax = 10_000
    /// Users of one call: Lua's `unpack` takes no more than 8,000.
    private static let usersMax = 4_000

    /// - Parameter repairs: `false` only reports.
    public init(redis: RedisClient, likes: any LikeStore, settings: LikeSettings, repairs: Bool, logger: Logger) {
        store = PartitionStore(redis: redis, settings: settings, hasDatabase: true)
        let metrics = LikeMetrics()
        verifier = PartitionVerifier(store: store, likes: likes, logger: logger, metrics: metrics)
        loader = PartitionLoader(
            store: store, verifier: verifier, likes: likes, settings: settings, logger: logger, metrics: metrics)
        self.likes = likes
        self.repairs = repairs
        self.logger = logger
    }

    public func run() async throws -> ReconcileReport {
        var report = ReconcileReport()
        try await verifier.verifyAll()
        for partition in 0..<store.partitions { try await store.applyStream(partition, to: likes) }
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
        for partition in 0..<store.partitions {
            try await store.scan("HSCAN", store.keys(partition).sizes) { values in
                for index in stride(from: 0, to: values.count, by: 2) {
                    if let photo = values[index].text, photo != PartitionEpoch.field { photos.insert(photo) }
                }
            }
        }
        return photos.sorted()
    }

    // MARK: One photo

    private func compare(_ photo: String, _ report: inout ReconcileReport) async throws {
        let states = try await store.read([photo]).states[0]
        for (partition, state) in states.enumerated() {
            if let state, !state.isSizeOnly {
                try await compareMembers(photo, partition, &report)
            } else {
                report.partsNotInRedis += 1
                // A size that was read from the database once, and may no longer be the database's.
                guard let state, try await likes.count(of: photo, in: store.slots(partition)) != state.size
                else { continue }
                try await loadAnew(photo, partition, &report)
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
            let all = 0..<Int16(UserSlot.count)
            if try await likes.count(of: photo, in: all) != held { report.wrongCounts += 1 }
        }
    }

    /// - Returns: whether the set is in Redis now.
    @discardableResult
    private func loadAnew(_ photo: String, _ partition: Int, _ report: inout ReconcileReport) async throws -> Bool {
        report.wrongSizes += 1
        guard repairs else { return false }
        try await loader.load(.init(photo: photo, partition: partition))
        return true
    }

    private func compareMembers(_ photo: String, _ partition: Int, _ report: inout ReconcileReport) async throws {
        report.partsCompared += 1
        if try await store.held(photo, partition: partition).holding != .complete {
            guard try await loadAnew(photo, partition, &report) else { return }
        }
        var inRedis: Set<String> = []
        try await store.scan("SSCAN", store.keys(partition).members(photo)) {
            inRedis.formUnion($0.compactMap(\.text))
        }
        var stored: Set<String> = []
        try await likes.forEachPage(of: photo, in: store.slots(partition), limit: Self.pageMax) {
            stored.formUnion($0)
        }
        let suspects = Array(inRedis.symmetricDifference(stored))
        report.members += inRedis.count
        guard !suspects.isEmpty else { return }
        try await Task.sleep(for: patience)
        try await store.applyStream(partition, to: likes)
        for start in stride(from: 0, to: suspects.count, by: Self.usersMax) {
            let users = Array(suspects[start..<min(start + Self.usersMax, suspects.count)])
            try await decide(users, photo, partition, &report)
        }
    }

    /// Users of whom Redis and the database seemed to disagree: what Redis says now holds.
    private func decide(
        _ users: [String], _ photo: String, _ partition: Int, _ report: inout ReconcileReport
    ) async throws {
        let keys = store.keys(partition)
        var call = PartitionScripts.readMembership.call(keys: [keys.members(photo), keys.meta])
        for user in users { call.append(user) }
        let reply = try await store.evaluate(PartitionScripts.readMembership, call).array ?? []
        guard reply.count == 3, let first = reply[0].integer, let now = reply[1].integer,
            let flags = reply[2].bytes, flags.count == users.count
        else { throw PartitionStore.unexpected }
        var changes: [LikeChange] = []
        let stored = try await likes.liked(users.map { LikeKey(photo: photo, user: $0) })
        for (index, user) in users.enumerated() {
            let liked = flags[index] == UInt8(ascii: "1")
            guard stored.contains(LikeKey(photo: photo, user: user)) != liked else { continue }
            if liked { report.missingInRecord += 1 } else { report.missingInRedis += 1 }
            changes.append(
                LikeChange(photo: photo, user: user, liked: liked, version: first + Int64(index), at: now))
        }
        guard repairs, !changes.isEmpty else { return }
        logger.info(
            "the database is put right", metadata: ["likes": "\(changes.count)", "likes.partition": "\(partition)"])
        _ = try await likes.apply(changes)
    }
}

/// What comparing Redis with the database found and did; its names are those of the JSON that `LikeAPI reconcile` prints,
/// where the database is `record` and a partition is a part.
public struct ReconcileReport: Codable, Equatable, Sendable {
    public var photos = 0
    /// Partitions whose members were compared, and those that Redis does not hold.
    public var partsCompared = 0
    public var partsNotInRedis = 0
    public var members = 0
    /// Likes that Redis has and the database has not, and the other way round.
    public var missingInRecord = 0
    public var missingInRedis = 0
    /// Partitions whose set was gone or whose size was not the set's.
    public var wrongSizes = 0
    /// Photos whose count in the database was not the number of likes there.
    public var wrongCounts = 0
    /// Whether what was found has been put right.
    public var isRepaired = false

    public init() {}

    public var differences: Int { missingInRecord + missingInRedis + wrongSizes + wrongCounts }
}
