public import Broker
public import Logging
public import RedisNIO
public import Storage
import Synchronization
import Wire

/// Likes and counts of this process: the batcher of each part, what is remembered of counts, and the live events.
///
/// ``run()`` must run while it is used. Without a record (`likes` is `nil`) Redis alone keeps the likes.
public final class LikeDesk: Sendable {
    public let settings: LikeSettings
    let store: PartStore
    let loader: PartLoader
    let counts: CountReader
    let announcer: CountAnnouncer?
    private let likes: (any LikeStore)?
    private let lanes: [PartLane]
    private let atOdds = Atomic(false)

    private static let agreementPause = Duration.seconds(1)

    /// - Parameter broker: carries the live counts; `nil` for none.
    public init(
        redis: RedisClient, broker: (any Broker)?, likes: (any LikeStore)?, settings: LikeSettings, logger: Logger,
        metrics: LikeMetrics = LikeMetrics()
    ) {
        let store = PartStore(redis: redis, settings: settings, hasRecord: likes != nil)
        let loader = PartLoader(store: store, likes: likes, settings: settings, logger: logger, metrics: metrics)
        let counts = CountReader(store: store, likes: likes, settings: settings, metrics: metrics)
        let announcer = broker.map {
            CountAnnouncer(
                store: store, counts: counts, broker: $0, settings: settings, metrics: metrics, logger: logger)
        }
        let confirmation =
            settings.durability == .postgres
            ? likes.map { RecordConfirmation(likes: $0) } : nil
        let parts = PartLane.Parts(
            store: store, deck: FlightDeck(limit: FlightDeck.limit(parts: settings.parts)), loader: loader,
            confirmation: confirmation,
            tell: { news in
                counts.note(news)
                let changed = news.lazy.filter(\.changed).map(\.photo)
                if !changed.isEmpty { announcer?.changed(changed) }
            }, metrics: metrics)
        self.settings = settings
        self.store = store
        self.loader = loader
        self.counts = counts
        self.announcer = announcer
        self.likes = likes
        lanes = (0..<settings.parts).map { PartLane($0, settings: settings, parts: parts) }
    }

    /// Works until the task is cancelled. Call it once.
    public func run() async {
        await withDiscardingTaskGroup { group in
            for lane in lanes { group.addTask { await lane.run() } }
            group.addTask { await self.counts.run() }
            if let announcer {
                group.addTask { await announcer.run() }
                if self.store.hasRecord { group.addTask { await announcer.answerReaders() } }
            }
            group.addTask { await self.keepAgreement() }
        }
    }

    /// What this process needs the others on the same Redis to agree on.
    public var agreement: LikeAgreement { store.agreement }

    /// Others on this Redis work with other parts, or without a record: nothing is taken.
    public var isAtOdds: Bool { atOdds.load(ordering: .relaxed) }

    /// A Redis that lost its data has lost the agreement too, and Readers look for it there.
    private func keepAgreement() async {
        while !Task.isCancelled {
            // Redis away: said again with the next round.
            if let held = try? await agreement.settle(in: store.redis) {
                atOdds.store(held != agreement, ordering: .relaxed)
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
        guard !isAtOdds else {
            return waiter(.failure(LikeError(.internal, "the processes on this Redis disagree about its parts")))
        }
        lanes[store.part(of: intent.user)].submit(intent, waiter)
    }

    // MARK: Asking

    /// A photo's total after an intent was applied: the user's own part is exact, the others are at most
    /// ``LikeSettings/countAgeMax`` old.
    public func total(of photo: String) async throws(LikeError) -> PhotoTotal {
        guard let total = try await counts.totals(of: [photo])[0] else {
            throw LikeError(.unknownPhoto, "nobody registered this photo")
        }
        return total
    }

    /// ``total(of:)`` when that needs no question; `nil` when Redis has to be asked.
    public func rememberedTotal(of photo: String) -> PhotoTotal? {
        counts.remembered([photo])[0]
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
        var answers: [Bool] = []
        for (photo, membership) in zip(photos, try await store.memberships(of: user, in: photos)) {
            answers.append(try await isLiked(photo, by: user, membership))
        }
        return answers
    }

    private func isLiked(
        _ photo: String, by user: String, _ membership: PartStore.Membership
    ) async throws(LikeError) -> Bool {
        switch membership {
        case .known(let isLiked): return isLiked
        case .inRecord:
            do throws(StorageError) {
                return try await likes?.isLiked(photo: photo, by: user) ?? false
            } catch {
                throw LikeError(error)
            }
        case .mustLoad:
            let part = store.part(of: user)
            try await loader.load(PartLoader.Request(photo: photo, part: part, known: "lost"))
            let again = try await store.memberships(of: user, in: [photo])
            guard again == [.known(true)] || again == [.known(false)] else {
                throw LikeError(.recordUnavailable, "the likes of this photo are being read from the record")
            }
            return again == [.known(true)]
        }
    }

    /// Changes that wait for the record, over all parts.
    public func backlog() async throws(LikeError) -> Int {
        try await store.depths().reduce(0, +)
    }
}
