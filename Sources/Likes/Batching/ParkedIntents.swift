/// Intents whose photo is being loaded from the database; pure. Used by one partition's worker.
///
/// Per photo and user the order is that of arrival, also around a load: whatever the worker takes of a photo that is
/// being loaded is parked behind what was parked before, and all of it goes to the front of the queue when the load
/// has ended. That end comes through the same queue, so that nothing can be taken in between.
struct ParkedIntents: Sendable {
    struct Pending: Sendable {
        let intent: LikeIntent
        /// Called once with what became of the intent.
        let waiter: @Sendable (Result<LikeOutcome, LikeError>) -> Void
    }

    /// What waits in the queue of a partition.
    enum Item: Sendable {
        case intent(Pending)
        /// A photo's load has ended, or failed.
        case loaded(photo: String, Result<PartitionLoader.Outcome, LikeError>)
    }

    struct Admission {
        /// To be sent now.
        var ready: [Pending] = []
        /// To be put back in front of the queue, in this order.
        var again: [Item] = []
        /// Unlikes of users who do not like the photo: to be answered so.
        var unchanged: [Pending] = []
        /// To be refused.
        var failed: [(pending: Pending, error: LikeError)] = []
    }

    private var parked: [String: [Pending]] = [:]
    private(set) var count = 0

    /// Sorts a batch out.
    mutating func admit(_ items: [Item]) -> Admission {
        var admission = Admission()
        admission.ready.reserveCapacity(items.count)
        for (index, item) in items.enumerated() {
            switch item {
            case .intent(let pending) where parked.isEmpty || parked[pending.intent.photo] == nil:
                admission.ready.append(pending)
            case .intent(let pending):
                parked[pending.intent.photo]?.append(pending)
                count += 1
            case .loaded(let photo, let result):
                let waiting = parked.removeValue(forKey: photo) ?? []
                count -= waiting.count
                switch result {
                case .failure(let error): admission.failed += waiting.map { ($0, error) }
                case .success(let outcome):
                    let unchanged = Self.unchanged(waiting, outcome)
                    admission.unchanged += unchanged
                    admission.again = waiting.dropFirst(unchanged.count).map { .intent($0) } + items[(index + 1)...]
                    return admission
                }
            }
        }
        return admission
    }

    /// The first ones of those that wait which are answered by what the database said.
    private static func unchanged(_ waiting: [Pending], _ outcome: PartitionLoader.Outcome) -> ArraySlice<Pending> {
        guard case .notLiked(let users) = outcome else { return [] }
        return waiting.prefix { !$0.intent.liked && users.contains($0.intent.user) }
    }

    /// Intents that were sent, and whose photo turned out to be unknown: a load begins.
    mutating func park(_ pending: [Pending], photo: String) {
        parked[photo, default: []] += pending
        count += pending.count
    }

    /// Everything, because the process stops.
    mutating func removeAll() -> [Pending] {
        defer { self = Self() }
        return parked.values.flatMap { $0 }
    }
}
