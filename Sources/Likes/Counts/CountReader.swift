import CoreMetrics
import Primitives
import Storage

/// Answers with photos' totals: from memory while that is fresh, else from Redis, else from the database.
///
/// Whoever asks while a read is under way shares the next one, so that a thousand answers about one photo cost one
/// read of its partitions.
final class CountReader: Sendable {
    /// What a read said about one photo.
    private struct Reading: Sendable {
        let states: [PartitionState?]
        let epochs: [PartitionEpoch?]
        /// Of the data of each partition, and of all.
        let identities: [String]
        let generation: String
        let now: Int64
        let sentAt: UInt64

        var isUnknown: Bool { states.allSatisfy { $0 == nil } }
    }

    private struct Request: Sendable {
        let photos: [String]
        let continuation: CheckedContinuation<Result<[String: Reading], LikeError>, Never>
    }

    private struct State {
        var board: CountBoard
        var database: DatabaseCounts
    }

    private let store: PartitionStore
    private let verifier: PartitionVerifier
    private let likes: (any LikeStore)?
    private let requiresRegistration: Bool
    private let metrics: LikeMetrics
    private let state: Mutex<State>
    /// Weighed by photos: of one read, and that may wait for one.
    private let worker = BatchWorker<Request>(waitingMax: 200_000, batchMax: 2_048) { $0.photos.count }

    /// How long the database's word about a photo that Redis does not know is believed, in nanoseconds.
    private static let databaseAgeMax: UInt64 = 10_000_000_000

    /// Looks at partitions that have to be verified before they are read.
    private static let looksMax = 3

    init(
        store: PartitionStore, verifier: PartitionVerifier, likes: (any LikeStore)?, settings: LikeSettings,
        metrics: LikeMetrics
    ) {
        self.store = store
        self.verifier = verifier
        self.likes = likes
        self.requiresRegistration = settings.requiresRegistration
        self.metrics = metrics
        let limit = settings.countsRemembered
        state = Mutex(
            State(
                board: CountBoard(
                    partitions: settings.partitions, limit: limit, ageMax: settings.countAgeMax.nanoseconds),
                database: DatabaseCounts(limit: limit, ageMax: Self.databaseAgeMax)))
    }

    func note(_ updates: [PartitionUpdate]) {
        let now = MonotonicClock.now()
        state.withLock { state in
            for update in updates {
                state.board.note(
                    update.state, of: update.photo, partition: update.partition, identity: update.identity, at: now)
            }
        }
    }

    /// What is known without asking; `nil` where that is nothing, or too old.
    func remembered(_ photo: String) -> PhotoTotal? {
        let now = MonotonicClock.now()
        return state.withLock { $0.board.total(of: photo, now: now) }
    }

    /// Totals in the order asked; `nil` for a photo that nobody registered, where that is required.
    ///
    /// - Parameter isFresh: reads in any case, so that everything that was acknowledged before the call is in it.
    func totals(of photos: [String], isFresh: Bool = false) async throws(LikeError) -> [PhotoTotal?] {
        let now = MonotonicClock.now()
        var totals = state.withLock { state in
            photos.map { isFresh ? nil : state.board.total(of: $0, now: now) }
        }
        let missing = Set(photos.indices.lazy.filter { totals[$0] == nil }.map { photos[$0] })
        guard !missing.isEmpty else { return totals }
        let read = try await resolve(Array(missing))
        for index in photos.indices where totals[index] == nil { totals[index] = read[photos[index]] ?? nil }
        return totals
    }

    // MARK: Reading

    /// Reads for everybody who waits, until the task is cancelled.
    func run() async {
        for request in await worker.run(serve) {
            request.continuation.resume(returning: .failure(LikeError(.unavailable, "this LikeAPI stops")))
        }
    }

    private func serve(_ requests: [Request]) async {
        let photos = Array(Set(requests.flatMap(\.photos)))
        metrics.countReads.increment()
        metrics.countsRead.increment(by: photos.count)
        let result: Result<[String: Reading], LikeError>
        do throws(LikeError) {
            result = .success(try await readVerified(photos))
        } catch {
            result = .failure(error)
        }
        for request in requests { request.continuation.resume(returning: result) }
    }

    private func readVerified(_ photos: [String]) async throws(LikeError) -> [String: Reading] {
        for _ in 0..<Self.looksMax {
            let sentAt = MonotonicClock.now()
            let reading = try await store.read(photos)
            if store.hasDatabase, !reading.unverified.isEmpty {
                for partition in reading.unverified { try await verifier.verify(partition) }
                continue
            }
            let identities = reading.epochs.indices.map { reading.identity($0) }
            let generation = identities.joined(separator: " ")
            let all = zip(photos, reading.states).map { photo, states in
                let reading = Reading(
                    states: states, epochs: reading.epochs, identities: identities, generation: generation,
                    now: reading.now, sentAt: sentAt)
                return (photo, reading)
            }
            return Dictionary(uniqueKeysWithValues: all)
        }
        throw LikeError(.databaseUnavailable, "Redis has to be held against the database again and again")
    }

    private func read(_ photos: [String]) async throws(LikeError) -> [String: Reading] {
        let result = await withCheckedContinuation { continuation in
            guard !worker.submit(Request(photos: photos, continuation: continuation)) else { return }
            continuation.resume(returning: .failure(LikeError(.overloaded, "too many counts are asked for")))
        }
        return try result.get()
    }

    // MARK: What Redis does not know

    private func resolve(_ photos: [String]) async throws(LikeError) -> [String: PhotoTotal?] {
        var totals: [String: PhotoTotal?] = [:]
        var left = photos
        // The second look sees what the first one made known; a third is for partitions that vanish meanwhile.
        for _ in 0..<3 {
            let readings = try await read(left)
            var unknown: [String: Reading] = [:]
            for photo in left {
                guard let reading = readings[photo] else { continue }
                if store.hasDatabase, reading.states.contains(where: { $0 == nil }) {
                    unknown[photo] = reading
                } else {
                    totals[photo] = state.withLock {
                        $0.board.read(reading.states, identities: reading.identities, of: photo, at: reading.sentAt)
                    }
                }
            }
            left = try await ask(unknown, totals: &totals)
            if left.isEmpty { return totals }
        }
        throw LikeError(.databaseUnavailable, "the counts of some photos cannot be read")
    }

    /// Photos with partitions that Redis has never seen. What no partition knows is answered by the database; where
    /// other partitions are in use, the unknown ones are counted there and noted.
    ///
    /// - Returns: the photos of the second kind: to be read again.
    private func ask(
        _ unknown: [String: Reading], totals: inout [String: PhotoTotal?]
    ) async throws(LikeError) -> [String] {
        guard let likes, !unknown.isEmpty else { return [] }
        let counts = try await databaseCounts(unknown, likes)
        var missing: [(photo: String, partition: Int)] = []
        var again: [String] = []
        for (photo, reading) in unknown {
            let count = counts[photo]
            if reading.isUnknown {
                let version = PartitionState.version(at: reading.now) * Int64(store.partitions)
                let isRefused = count == nil && requiresRegistration
                totals[photo] = isRefused ? .some(nil) : PhotoTotal(count: count ?? 0, version: version)
                continue
            }
            again.append(photo)
            missing += reading.states.indices.filter { reading.states[$0] == nil }.map { (photo, $0) }
        }
        guard let reading = unknown.values.first, !missing.isEmpty else { return again }
        // All of one read: so are the epochs in which the database was asked.
        let ranges = missing.filter { counts[$0.photo] ?? 0 > 0 }
            .map { LikeRange(photo: $0.photo, slots: store.slots($0.partition)) }
        let found = try await LikeError.mapping { ranges.isEmpty ? [] : try await likes.counts(in: ranges) }
        let sizes = Dictionary(uniqueKeysWithValues: zip(ranges, found))
        let epochs = reading.epochs.enumerated().compactMap { partition, epoch in epoch.map { (partition, $0) } }
        try await store.seedSizes(
            missing.map { photo, partition in
                (photo, partition, sizes[LikeRange(photo: photo, slots: store.slots(partition))] ?? 0)
            }, epochs: Dictionary(uniqueKeysWithValues: epochs))
        return again
    }

    /// The database's counts; of photos that no partition knows also those that it said a while ago.
    private func databaseCounts(
        _ unknown: [String: Reading], _ likes: any LikeStore
    ) async throws(LikeError) -> [String: Int64] {
        let now = MonotonicClock.now()
        var counts: [String: Int64] = [:]
        var asked: [String] = []
        state.withLock { state in
            for (photo, reading) in unknown {
                if reading.isUnknown,
                    let held = state.database.count(of: photo, generation: reading.generation, now: now)
                {
                    counts[photo] = held
                } else {
                    asked.append(photo)
                }
            }
        }
        guard !asked.isEmpty else { return counts }
        let photos = asked
        let found = try await LikeError.mapping { try await likes.counts(of: photos) }
        state.withLock { state in
            for photo in photos {
                state.database.note(found[photo], of: photo, generation: unknown[photo]?.generation, at: now)
            }
        }
        return counts.merging(found) { $1 }
    }
}
