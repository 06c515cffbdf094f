import CoreMetrics
import Primitives
import RedisNIO
import Storage
import Synchronization

/// Tells photos' totals: from memory while that is fresh, else from Redis, else from the record.
///
/// Whoever asks while a read is under way shares the next one, so that a thousand answers about one photo cost one
/// read of its parts.
final class CountReader: Sendable {
    private typealias Result = Swift.Result<[String: PartStates], LikeError>

    private struct PartStates: Sendable {
        let states: [PartState?]
        let life: String?
        let now: Int64
        let sentAt: UInt64
    }

    private struct Job: Sendable {
        let photos: [String]
        let continuation: CheckedContinuation<Result, Never>
    }

    private struct State {
        var board: CountBoard
        var recorded: RecordCounts
        var jobs: [Job] = []
        var waiting = 0
        var isStopped = false
    }

    private let store: PartStore
    private let likes: (any LikeStore)?
    private let requiresRegistration: Bool
    private let metrics: LikeMetrics
    private let state: Mutex<State>
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    /// Photos of one read; and photos that may wait for one.
    private static let readMax = 2_048
    private static let waitingMax = 200_000
    /// How long what the record said of a photo that Redis does not know is believed, in nanoseconds.
    private static let recordedAgeMax: UInt64 = 10_000_000_000

    init(store: PartStore, likes: (any LikeStore)?, settings: LikeSettings, metrics: LikeMetrics) {
        self.store = store
        self.likes = likes
        self.requiresRegistration = settings.requiresRegistration
        self.metrics = metrics
        let age = UInt64(max(0, settings.countAgeMax.nanoseconds))
        state = Mutex(
            State(
                board: CountBoard(parts: settings.parts, limit: settings.countsRemembered, ageMax: age),
                recorded: RecordCounts(limit: settings.countsRemembered, ageMax: Self.recordedAgeMax)))
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func note(_ news: [PartLane.News]) {
        state.withLock { state in
            for one in news { state.board.note(one.state, of: one.photo, part: one.part) }
        }
    }

    func forget(_ photo: String) {
        state.withLock { $0.board.forget(photo) }
    }

    /// Totals in the order asked; `nil` for a photo that nobody registered, where that is required.
    ///
    /// - Parameter isFresh: reads in any case, so that everything that was acknowledged before the call is in it.
    func totals(of photos: [String], isFresh: Bool = false) async throws(LikeError) -> [PhotoTotal?] {
        var totals = isFresh ? Array(repeating: nil, count: photos.count) : remembered(photos)
        let missing = Array(Set(photos.indices.filter { totals[$0] == nil }.map { photos[$0] }))
        guard !missing.isEmpty else { return totals }
        let read = try await resolve(missing)
        for index in photos.indices where totals[index] == nil { totals[index] = read[photos[index]] ?? nil }
        return totals
    }

    /// What is known without asking; `nil` where that is nothing, or too old.
    func remembered(_ photos: [String]) -> [PhotoTotal?] {
        let now = MonotonicClock.now()
        return state.withLock { state in photos.map { state.board.total(of: $0, now: now) } }
    }

    // MARK: Reading

    /// Reads for everybody who waits, until the task is cancelled.
    func run() async {
        for await _ in signals {
            while !Task.isCancelled, case let jobs = take(), !jobs.isEmpty { await serve(jobs) }
            if Task.isCancelled { break }
        }
        let left = state.withLock { state in
            state.isStopped = true
            defer { state.jobs = [] }
            return state.jobs
        }
        for job in left { job.continuation.resume(returning: .failure(LikeError(.unavailable, "this LikeAPI stops"))) }
    }

    private func take() -> [Job] {
        state.withLock { state in
            var photos = 0
            let count = state.jobs.prefix { job in
                defer { photos += job.photos.count }
                return photos < Self.readMax
            }.count
            defer {
                state.jobs.removeFirst(count)
                state.waiting -= photos
            }
            return Array(state.jobs.prefix(count))
        }
    }

    private func serve(_ jobs: [Job]) async {
        let photos = Array(Set(jobs.flatMap(\.photos)))
        let sentAt = MonotonicClock.now()
        metrics.countReads.increment()
        metrics.countsRead.increment(by: photos.count)
        do throws(LikeError) {
            let (reading, _) = try await store.read(photos)
            let all = zip(photos, reading.states).map { photo, states in
                (photo, PartStates(states: states, life: reading.life, now: reading.now, sentAt: sentAt))
            }
            let byPhoto = Dictionary(all) { first, _ in first }
            for job in jobs { job.continuation.resume(returning: .success(byPhoto)) }
        } catch {
            for job in jobs { job.continuation.resume(returning: .failure(error)) }
        }
    }

    private func read(_ photos: [String]) async throws(LikeError) -> [String: PartStates] {
        let result: Result = await withCheckedContinuation { continuation in
            let isTaken = state.withLock { state in
                guard !state.isStopped, state.waiting + photos.count <= Self.waitingMax else { return false }
                state.jobs.append(Job(photos: photos, continuation: continuation))
                state.waiting += photos.count
                return true
            }
            guard isTaken else {
                return continuation.resume(returning: .failure(LikeError(.overloaded, "too many counts are asked for")))
            }
            signal.yield()
        }
        return try result.get()
    }

    // MARK: What Redis does not know

    private func resolve(_ photos: [String]) async throws(LikeError) -> [String: PhotoTotal?] {
        var totals: [String: PhotoTotal?] = [:]
        var left = photos
        // The second look sees what the first one made known; a third is for parts that vanish meanwhile.
        for _ in 0..<3 {
            let read = try await read(left)
            var unknown: [String: PartStates] = [:]
            for photo in left {
                guard let states = read[photo] else { continue }
                if !store.hasRecord || !states.states.contains(where: { $0 == nil }) {
                    totals[photo] = state.withLock { $0.board.read(states.states, of: photo, at: states.sentAt) }
                } else {
                    unknown[photo] = states
                }
            }
            left = try await ask(unknown, totals: &totals)
            if left.isEmpty { return totals }
        }
        throw LikeError(.recordUnavailable, "the counts of some photos cannot be read")
    }

    /// Photos with parts that Redis has never seen. What no part knows is answered by the record; where other parts
    /// are in use, the unknown ones are counted there and noted, and the photo is read again: those come back.
    private func ask(
        _ unknown: [String: PartStates], totals: inout [String: PhotoTotal?]
    ) async throws(LikeError) -> [String] {
        guard let likes, !unknown.isEmpty else { return [] }
        let counts = try await recorded(unknown, likes)
        var marks: [(photo: String, part: Int, size: Int64)] = []
        var again: [String] = []
        for (photo, states) in unknown {
            let count = counts[photo]
            if states.states.allSatisfy({ $0 == nil }) {
                let version = PartState.version(at: states.now) * Int64(store.parts)
                let isRefused = count == nil && requiresRegistration
                totals[photo] = isRefused ? .some(nil) : PhotoTotal(count: count ?? 0, version: version)
                continue
            }
            again.append(photo)
            for part in states.states.indices where states.states[part] == nil {
                let size = (count ?? 0) == 0 ? 0 : try await partCount(photo, part, likes)
                marks.append((photo, part, size))
            }
        }
        if !marks.isEmpty { try await store.mark(marks) }
        return again
    }

    /// The record's counts; of photos that no part knows also those that it told a while ago.
    private func recorded(
        _ unknown: [String: PartStates], _ likes: any LikeStore
    ) async throws(LikeError) -> [String: Int64] {
        let now = MonotonicClock.now()
        var counts: [String: Int64] = [:]
        var asked: [String] = []
        state.withLock { state in
            for (photo, states) in unknown {
                if states.states.allSatisfy({ $0 == nil }),
                    let told = state.recorded.count(of: photo, life: states.life, now: now)
                {
                    counts[photo] = told
                } else {
                    asked.append(photo)
                }
            }
        }
        guard !asked.isEmpty else { return counts }
        let photos = asked
        let told = try await record { () throws(StorageError) in try await likes.counts(of: photos) }
        state.withLock { state in
            for photo in photos { state.recorded.note(told[photo], of: photo, life: unknown[photo]?.life, at: now) }
        }
        return counts.merging(told) { $1 }
    }

    private func partCount(_ photo: String, _ part: Int, _ likes: any LikeStore) async throws(LikeError) -> Int64 {
        try await record { () throws(StorageError) in
            try await likes.count(of: photo, part: part, parts: self.store.parts)
        }
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
