import CoreMetrics
import Primitives
import Storage

import struct Synchronization.Atomic

/// Makes the calls of one partition, one at a time: what comes while a call is under way makes the next batch.
///
/// Batches therefore grow with the load by themselves, an idle partition sends at once, and per photo and user intents
/// are applied in the order in which they came to this process.
final class PartitionWriter: Sendable {
    /// What all writers share.
    struct Context: Sendable {
        let store: PartitionStore
        let calls: AsyncSemaphore
        let loader: PartitionLoader
        let verifier: PartitionVerifier
        /// Must have each batch before anybody is answered; `nil` when Redis's word is enough.
        let confirmation: (any LikeStore)?
        let notify: @Sendable ([PartitionUpdate]) -> Void
        let metrics: LikeMetrics
    }

    private let partition: Int
    private let context: Context
    private let gather: Duration
    private let queueMax: Int
    private let worker: BatchWorker<ParkedIntents.Item>
    /// Intents that wait for a load; they count against the queue's limit.
    private let parkedCount = Atomic(0)

    init(_ partition: Int, settings: LikeSettings, context: Context) {
        self.partition = partition
        self.context = context
        gather = settings.gather
        queueMax = max(1, settings.queueMax)
        worker = BatchWorker(waitingMax: queueMax, batchMax: min(max(settings.batchMax, 1), 4_000))
    }

    /// Redis works on one call at a time anyway: more of them under way only means that each carries less. As many as
    /// keep Redis busy while answers are worked off.
    static func callsMax(partitions: Int) -> Int { max(4, partitions / 4) }

    /// A partition that had to be verified so often for one call does not come to rest.
    private static let verificationsMax = 5
    /// How often the database is looked at for what another process is about to confirm, a tenth of a second in all.
    private static let looksMax = 6
    private static let lookPause: Duration = .milliseconds(20)

    func submit(_ pending: ParkedIntents.Pending) {
        let parked = parkedCount.load(ordering: .relaxed)
        let hasRoom = parked == 0 || worker.count + parked < queueMax
        guard hasRoom, worker.submit(.intent(pending)) else {
            if worker.isClosed { return pending.waiter(.failure(Self.stopped)) }
            context.metrics.refused.increment()
            return pending.waiter(.failure(LikeError(.overloaded, "too many likes wait for this partition")))
        }
    }

    /// Works until the task is cancelled; whoever waits then is answered.
    func run() async {
        var parked = ParkedIntents()
        let left = await withDiscardingTaskGroup { group in
            let left = await worker.run(beforeBatch: beforeBatch) { items in
                let loads = await write(items, &parked)
                parkedCount.store(parked.count, ordering: .relaxed)
                for load in loads { group.addTask { await self.load(load) } }
            }
            group.cancelAll()
            return left
        }
        for case .intent(let pending) in left { pending.waiter(.failure(Self.stopped)) }
        for pending in parked.removeAll() { pending.waiter(.failure(Self.stopped)) }
    }

    private static let stopped = LikeError(.unavailable, "this LikeAPI stops")

    // MARK: A batch

    private func beforeBatch() async {
        // Cancelled while sleeping: the worker ends.
        if gather > .zero { try? await Task.sleep(for: gather) }
        await context.calls.wait()
    }

    /// - Returns: the loads that have to be started.
    private func write(_ items: [ParkedIntents.Item], _ parked: inout ParkedIntents) async -> [PartitionLoader.Request]
    {
        let admission = parked.admit(items)
        if !admission.again.isEmpty { worker.withQueue { $0.prepend(admission.again) } }
        for (pending, error) in admission.failed { pending.waiter(.failure(error)) }
        for pending in admission.unchanged { pending.waiter(.success(LikeOutcome(changed: false))) }
        let pending = admission.ready
        guard !pending.isEmpty else {
            context.calls.signal()
            return []
        }
        let batch = PartitionBatch(pending.map(\.intent))
        do throws(LikeError) {
            let applied = try await call(batch)
            context.metrics.batches.increment()
            context.metrics.intents.increment(by: pending.count)
            context.notify(batch.updates(applied.answers, partition: partition, identity: applied.identity))
            await answer(pending, batch, applied)
            return park(pending, batch, applied.answers, &parked)
        } catch {
            for one in pending { one.waiter(.failure(error)) }
            return []
        }
    }

    /// The call itself; whatever follows it does not keep others from theirs.
    private func call(_ batch: PartitionBatch) async throws(LikeError) -> PartitionStore.Applied {
        var application: PartitionStore.Application
        do {
            defer { context.calls.signal() }
            application = try await context.store.apply(batch, partition: partition)
        }
        for _ in 0..<Self.verificationsMax {
            switch application {
            case .applied(let applied): return applied
            case .full:
                context.metrics.backlogFull.increment(by: batch.count)
                throw LikeError(.backlogFull, "as many likes wait for the database as may wait")
            case .unverified:
                try await context.verifier.verify(partition)
                application = try await context.store.apply(batch, partition: partition)
            }
        }
        throw LikeError(.databaseUnavailable, "Redis has to be held against the database again and again")
    }

    private func answer(_ pending: [ParkedIntents.Pending], _ batch: PartitionBatch, _ applied: PartitionStore.Applied)
        async
    {
        let refusal = await confirm(batch, applied)
        var changes = 0
        for (one, outcome) in zip(pending, batch.outcomes(applied.answers)) {
            guard let outcome else { continue }
            if outcome.changed { changes += 1 }
            one.waiter(refusal.map { .failure($0) } ?? .success(outcome))
        }
        context.metrics.changed.increment(by: changes)
    }

    // MARK: Confirmation

    /// Makes an acknowledgement mean "the database has it" (`LIKE_DURABILITY=postgres`).
    ///
    /// The changes of a batch are already in Redis and in the stream, so whatever happens here they reach the database
    /// in the end, which takes the repetition for nothing; this only decides what may be answered before.
    ///
    /// - Returns: `nil` when the database has everything that the batch's answers say.
    private func confirm(_ batch: PartitionBatch, _ applied: PartitionStore.Applied) async -> LikeError? {
        guard let likes = context.confirmation else { return nil }
        do {
            let changes = batch.changes(applied.answers, first: applied.first, at: applied.at)
            if !changes.isEmpty { _ = try await likes.apply(changes) }
            // "It had been so before" may rest on a change that the database does not have yet, for instance when the
            // same request came twice at once, to two processes: it is a moment away.
            let unchanged = batch.wantedStates(applied.answers).filter { $0.was == $0.liked }
            guard !unchanged.isEmpty else { return nil }
            for attempt in 1...Self.looksMax {
                let liked = try await likes.liked(unchanged.map { LikeKey(photo: $0.photo, user: $0.user) })
                if unchanged.allSatisfy({ liked.contains(LikeKey(photo: $0.photo, user: $0.user)) == $0.liked }) {
                    return nil
                }
                if attempt < Self.looksMax { try await Task.sleep(for: Self.lookPause) }
            }
            return LikeError(.databaseUnavailable, "the database has not confirmed an earlier change yet")
        } catch {
            return LikeError(.databaseUnavailable, "the like is accepted, but the database has not confirmed it")
        }
    }

    // MARK: Loads

    private func park(
        _ pending: [ParkedIntents.Pending], _ batch: PartitionBatch, _ answers: [PartitionBatch.Answer],
        _ parked: inout ParkedIntents
    ) -> [PartitionLoader.Request] {
        var loads: [PartitionLoader.Request] = []
        for (group, answer) in answers.enumerated() {
            guard case .unknown = answer else { continue }
            let photo = batch.groups[group].photo
            let waiting = batch.intents(ofGroup: group).map { pending[$0] }
            parked.park(waiting, photo: photo)
            var request = PartitionLoader.Request(photo: photo, partition: partition)
            if !waiting.contains(where: \.intent.liked) { request.unlikers = Set(waiting.map(\.intent.user)) }
            loads.append(request)
        }
        return loads
    }

    private func load(_ request: PartitionLoader.Request) async {
        let result: Result<PartitionLoader.Outcome, LikeError>
        do throws(LikeError) {
            result = .success(try await context.loader.load(request))
        } catch {
            result = .failure(error)
        }
        worker.withQueue { $0.prepend([.loaded(photo: request.photo, result)]) }
    }
}
