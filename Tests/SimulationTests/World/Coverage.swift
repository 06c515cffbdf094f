/// What schedules went through, summed: a simulation in which nothing happens proves nothing.
struct Coverage: Equatable {
    var delivered = 0
    var gaps = 0
    var connects = 0
    var refusals = 0
    var giveUps = 0
    // Readers
    var crashes = 0
    var drains = 0
    var deferrals = 0
    var repairs = 0
    // Subscriber connections
    var cuts = 0
    var lags = 0
    var duplicates = 0
    // Redis
    var restarts = 0
    var lossyRestarts = 0
    var lostEpochs = 0
    var freezes = 0
    var evictions = 0
    var foreignValues = 0
    var lateAnswers = 0
    // Coming back
    var recoveries = 0
    var failedRecoveries = 0
    var sharedScans = 0
    var races = 0
    var storms = 0
    var torn = 0
    var slowConsumers = 0

    mutating func add(_ witness: Witness) {
        delivered += witness.delivered
        gaps += witness.gaps
    }

    static func + (left: Coverage, right: Coverage) -> Coverage {
        var sum = left
        for kind in kinds { sum[keyPath: kind.count] += right[keyPath: kind.count] }
        return sum
    }

    /// What happened less often than it must in so many schedules.
    func shortfalls(in schedules: Int) -> [String] {
        Self.kinds.filter { self[keyPath: $0.count] * 1000 < $0.perThousand * schedules }.map {
            "\(self[keyPath: $0.count]) \($0.name) in \(schedules) schedules"
        }
    }

    var summary: String { Self.kinds.map { "\(self[keyPath: $0.count]) \($0.name)" }.joined(separator: ", ") }

    private struct Kind {
        let count: any WritableKeyPath<Coverage, Int> & Sendable
        let name: String
        /// So often at least in a thousand schedules.
        let perThousand: Int

        init(_ count: any WritableKeyPath<Coverage, Int> & Sendable, _ name: String, _ perThousand: Int) {
            self.count = count
            self.name = name
            self.perThousand = perThousand
        }
    }

    private static let kinds: [Kind] = [
        Kind(\.delivered, "deliveries", 20_000), Kind(\.gaps, "gaps", 500), Kind(\.connects, "connects", 5_000),
        Kind(\.refusals, "refused connects", 500), Kind(\.giveUps, "unsubscriptions", 500),
        Kind(\.crashes, "killed Readers", 100), Kind(\.drains, "drains", 100),
        Kind(\.deferrals, "batches that a full loop left to a repair", 30), Kind(\.repairs, "repairs", 1_000),
        Kind(\.cuts, "cut subscribers", 200), Kind(\.lags, "lagging subscribers", 50),
        Kind(\.duplicates, "messages that came twice", 100), Kind(\.restarts, "restarts of Redis", 200),
        Kind(\.lossyRestarts, "of them with a loss", 100), Kind(\.lostEpochs, "of them empty", 50),
        Kind(\.freezes, "times Redis froze", 50), Kind(\.evictions, "evicted or expired histories", 20),
        Kind(\.foreignValues, "histories of another type", 20), Kind(\.lateAnswers, "late answers", 500),
        Kind(\.recoveries, "viewers who came back", 1_000),
        Kind(\.failedRecoveries, "scans for them that failed", 50),
        Kind(\.sharedScans, "scans for several at once", 50),
        Kind(\.races, "scans during which messages came", 100), Kind(\.storms, "storms", 50),
        Kind(\.torn, "torn deliveries", 100), Kind(\.slowConsumers, "slow consumers", 20),
    ]
}
