import CoreMetrics
import Storage
import Synchronization

/// Makes the calls of one part, one at a time: what comes while a call is under way makes the next batch.
///
/// Batches therefore grow with the load by themselves, an idle part sends at once, and per photo and user intents are
/// applied in the order in which they came to this process.
final class PartLane: Sendable {
    typealias Waiter = @Sendable (Result<LikeOutcome, LikeError>) -> Void
    typealias Queue = PartQueue<Waiter>

    /// What a batch says about a photo's part.
    struct News: Sendable {
        let photo: String
        let part: Int
        let state: PartState
        let changed: Bool
    }

    struct Parts: Sendable {
        let store: PartStore
        let deck: FlightDeck
        let loader: PartLoader
        /// Asked to confirm each batch before anybody is answered; `nil` when Redis's word is enough.
        let confirmation: RecordConfirmation?
        let tell: @Sendable ([News]) -> Void
        let metrics: LikeMetrics
    }

    private let part: Int
    private let parts: Parts
    private let batchMax: Int
    private let gather: Duration
    private let queue: Mutex<Queue>
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init(_ part: Int, settings: LikeSettings, parts: Parts) {
        self.part = part
        self.parts = parts
        batchMax = min(max(settings.batchMax, 1), 4_000)
        gather = settings.gather
        queue = Mutex(Queue(limit: max(1, settings.queueMax)))
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func submit(_ intent: LikeIntent, _ waiter: @escaping Waiter) {
        let (taken, wakes, isClosed) = queue.withLock { queue in
            let wakes = queue.isEmpty
            return (queue.append(Queue.Item(intent: intent, waiter: waiter)), wakes, queue.isClosed)
        }
        guard taken else {
            parts.metrics.refused.increment()
            let refusal =
                isClosed
                ? LikeError(.unavailable, "this LikeAPI stops")
                : LikeError(.overloaded, "too many likes wait for this part")
            return waiter(.failure(refusal))
        }
        if wakes { signal.yield() }
    }

    /// Works until the task is cancelled; whoever waits then is told.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await _ in signals {
                while !Task.isCancelled, !queue.withLock({ $0.isEmpty }) {
                    if gather > .zero { try? await Task.sleep(for: gather) }
                    await parts.deck.enter()
                    let items = queue.withLock { $0.take(batchMax) }
                    for load in await fly(items) { group.addTask { await self.load(load) } }
                }
                if Task.isCancelled { break }
            }
            group.cancelAll()
        }
        let left = queue.withLock { $0.close() }
        refuse(left, LikeError(.unavailable, "this LikeAPI stops"))
    }

    // MARK: A flight

    private func fly(_ items: [Queue.Item]) async -> [PartLoader.Request] {
        guard !items.isEmpty else {
            parts.deck.leave()
            return []
        }
        let batch = PartBatch(items.map(\.intent))
        do throws(LikeError) {
            guard let applied = try await call(batch) else {
                parts.metrics.backlogFull.increment(by: items.count)
                throw LikeError(.backlogFull, "as many likes wait for the record as may wait")
            }
            parts.metrics.batch(items.count)
            tell(batch, applied.answers)
            return await answer(items, batch, applied)
        } catch {
            refuse(items, error)
            return []
        }
    }

    /// The call itself; whatever follows it does not keep others from theirs.
    private func call(_ batch: PartBatch) async throws(LikeError) -> PartStore.Applied? {
        defer { parts.deck.leave() }
        return try await parts.store.apply(batch, part: part)
    }

    private func tell(_ batch: PartBatch, _ answers: [PartBatch.Answer]) {
        var news: [News] = []
        for (group, answer) in zip(batch.groups, answers) {
            guard case .known(let wasMember, let state) = answer else { continue }
            let changed =
                wasMember.prefix(group.likes.count).contains(false)
                || wasMember.dropFirst(group.likes.count).contains(true)
            news.append(News(photo: group.photo, part: part, state: state, changed: changed))
        }
        parts.tell(news)
    }

    private func answer(
        _ items: [Queue.Item], _ batch: PartBatch, _ applied: PartStore.Applied
    ) async -> [PartLoader.Request] {
        let refusal = await parts.confirmation?.refusal(of: batch, applied)
        var changes = 0
        for (item, outcome) in zip(items, batch.outcomes(applied.answers)) {
            guard let outcome else { continue }
            if outcome.changed { changes += 1 }
            item.waiter(refusal.map { .failure($0) } ?? .success(outcome))
        }
        parts.metrics.changed.increment(by: changes)
        var loads: [PartLoader.Request] = []
        for (group, answer) in applied.answers.enumerated() {
            guard case .unknown(let known) = answer else { continue }
            let photo = batch.groups[group].photo
            let parked = batch.intents(ofGroup: group).map { items[$0] }
            queue.withLock { $0.park(parked, photo: photo) }
            loads.append(PartLoader.Request(photo: photo, part: part, known: known))
        }
        return loads
    }

    // MARK: Loads

    private func load(_ request: PartLoader.Request) async {
        do throws(LikeError) {
            try await parts.loader.load(request)
            queue.withLock { $0.release(photo: request.photo) }
            signal.yield()
        } catch {
            refuse(queue.withLock { $0.abandon(photo: request.photo) }, error)
        }
    }

    private func refuse(_ items: [Queue.Item], _ error: LikeError) {
        for item in items { item.waiter(.failure(error)) }
    }
}
