public import Broker
public import Logging
public import RedisNIO
public import Storage
import Wire

import struct Synchronization.Atomic

/// Likes and counts of one process: a writer for each partition, the counts that are remembered, and the live events.
///
/// ``run()`` must run while it is used. Without a database (`likes` is `nil`) Redis alone keeps the likes.
public final class LikeService: Sendable {
    public let settings: LikeSettings
    let store: PartitionStore
    private let loader: PartitionLoader
    private let verifier: PartitionVerifier
    let counts: CountReader
    let announcer: CountAnnouncer?
    private let likes: (any LikeStore)?
    private let writers: [PartitionWriter]
    private let conflict = Atomic(false)

    private static let agreementPause = Duration.seconds(1)

    /// - Parameter broker: carries the live counts; `nil` for none.
    public init(
        redis: RedisClient, broker: (any Broker)?, likes: (any LikeStore)?, settings: LikeSettings, logger: Logger,
        metrics: LikeMetrics = LikeMetrics()
    ) {
        let store = PartitionStore(redis: redis, settings: settings, hasDatabase: likes != nil)
        let verifier = PartitionVerifier(store: store, likes: likes, logger: logger, metrics: metrics)
        let loader = PartitionLoader(
            store: store, verifier: verifier, likes: likes, settings: settings, logger: logger, metrics: metrics)
        let counts = CountReader(
            store: store, verifier: verifier, likes: likes, settings: settings, metrics: metrics)
        let announcer = broker.map {
            CountAnnouncer(
                store: store, counts: counts, broker: $0, settings: settings, metrics: metrics, logger: logger)
        }
        let context = PartitionWriter.Context(
            store: store, calls: AsyncSemaphore(limit: PartitionWriter.callsMax(partitions: settings.partitions)),
            loader: loader, verifier: verifier, confirmation: settings.durability == .postgres ? likes : nil,
            notify: { updates in
                counts.note(updates)
                announcer?.changed(updates)
            }, metrics: metrics)
        self.settings = settings
        self.store = store
        self.loader = loader
        self.verifier = verifier
        self.counts = counts
        self.announcer = announcer
        self.likes = likes
        writers = (0..<settings.partitions).map { PartitionWriter($0, settings: settings, context: context) }
    }

    /// Works until the task is cancelled. Call it once.
    public func run() async {
        await withDiscardingTaskGroup { group in
            for writer in writers { group.addTask { await writer.run() } }
            group.addTask { await self.counts.run() }
            if let announcer {
                group.addTask { await announcer.run() }
                if self.store.hasDatabase { group.addTask { await announcer.answerReaders() } }
            }
            group.addTask { await self.keepAgreement() }
        }
    }

    /// What this process needs the others on the same Redis to agree on.
    public var agreement: LikeAgreement { store.agreement }

    /// Others on this Redis work with other partitions, or without a database: nothing is accepted.
    public var hasConflict: Bool { conflict.load(ordering: .relaxed) }

    /// A Redis that lost its data has lost the agreement too, and Readers look for it there.
    private func keepAgreement() async {
        while !Task.isCancelled {
            // Redis away: written again with the next round.
            if let held = try? await agreement.establish(in: store.redis) {
                conflict.store(held != agreement, ordering: .relaxed)
            }
            // Cancelled while sleeping: the loop's condition ends it.
            try? await Task.sleep(for: Self.agreementPause)
        }
    }

    // MARK: Liking

    /// Makes it so that the user likes the photo, or no longer does. Repetitions do no harm.
    public func apply(_ intent: LikeIntent) async throws(LikeError) -> LikeOutcome {
        let result: Result<LikeOutcome, LikeError> = await withCheckedContinuation { continuation in
            submit(intent) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// ``apply(_:)`` for callers with many at a time. The waiter is called once, from any task, and must not block.
    public func submit(_ intent: LikeIntent, _ waiter: @escaping @Sendable (Result<LikeOutcome, LikeError>) -> Void) {
        guard !hasConflict else {
            return waiter(.failure(LikeError(.internal, "the processes on this Redis disagree about its partitions")))
        }
        writers[store.partition(of: intent.user)].submit(.init(intent: intent, waiter: waiter))
    }

    /// The call to Redis that carries one intent alone: what a benchmark compares batches with.
    package func call(_ intent: LikeIntent) -> RedisCommand {
        store.call(PartitionBatch([intent]), partition: store.partition(of: intent.user))
    }

    package func partition(of user: String) -> Int { store.partition(of: user) }

    // MARK: Asking

    /// A photo's total after an intent was applied: the user's own partition is exact, the others are at most
    /// ``LikeSettings/countAgeMax`` old.
    public func total(of photo: String) async throws(LikeError) -> PhotoTotal {
        if let known = counts.remembered(photo) { return known }
        guard let total = try await counts.totals(of: [photo])[0] else {
            throw LikeError(.unknownPhoto, "nobody registered this photo")
        }
        return total
    }

    /// Totals in the order asked; `nil` for photos that nobody registered, where that is required.
    ///
    /// - Parameter isFresh: reads Redis in any case.
    public func totals(of photos: [String], isFresh: Bool = false) async throws(LikeError) -> [PhotoTotal?] {
        try await counts.totals(of: photos, isFresh: isFresh)
    }

    /// Whether the user likes each of the photos, in the order asked.
    public func isLiked(_ photos: [String], by user: String) async throws(LikeError) -> [Bool] {
        guard !photos.isEmpty else { return [] }
        var held = try await memberships(of: user, in: photos)
        let lost = Set(photos.indices.filter { held[$0].holding == .lost }.map { photos[$0] })
        for photo in lost { try await loader.load(.init(photo: photo, partition: store.partition(of: user))) }
        if !lost.isEmpty { held = try await memberships(of: user, in: photos) }
        guard !held.contains(where: { $0.holding == .lost }) else {
            throw LikeError(.databaseUnavailable, "the likes of this photo are being read from the database")
        }
        let asked = photos.indices.filter { held[$0].holding != .complete }
            .map { LikeKey(photo: photos[$0], user: user) }
        let liked = try await LikeError.mapping { asked.isEmpty ? [] : try await likes?.liked(asked) ?? [] }
        return photos.indices.map { index in
            held[index].holding == .complete
                ? held[index].isMember : liked.contains(LikeKey(photo: photos[index], user: user))
        }
    }

    private func memberships(
        of user: String, in photos: [String]
    ) async throws(LikeError) -> [PartitionStore.Membership] {
        if let held = try await store.memberships(of: user, in: photos) { return held }
        try await verifier.verify(store.partition(of: user))
        if let held = try await store.memberships(of: user, in: photos) { return held }
        throw LikeError(.databaseUnavailable, "Redis has to be held against the database first")
    }

    /// Changes that wait for the database, over all partitions.
    public func backlog() async throws(LikeError) -> Int {
        try await store.depths().reduce(0, +)
    }
}
