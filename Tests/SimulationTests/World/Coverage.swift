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
    var failovers = 0
    var failbacks = 0
    var ignorantWriters = 0
    var freezes = 0
    var evictions = 0
    var foreignValues = 0
    var lateAnswers = 0
    // Clusters
    var clusterFailovers = 0
    var partitions = 0
    var phantoms = 0
    var phantomJumps = 0
    var openSlots = 0
    var openSlotFailovers = 0
    var openSlotLinks = 0
    var drops = 0
    var redirections = 0
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

    /// What happened less often than it must in so many schedules: a third as often in those of a cluster, most of whose faults
    /// are its own.
    func shortfalls(in schedules: Int, isCluster: Bool) -> [String] {
        let kinds = isCluster ? Self.everywhere + Self.clusters : Self.everywhere + Self.servers
        let share = isCluster ? 3 : 1
        return kinds.filter { self[keyPath: $0.count] * 1000 * share < $0.perThousand * schedules }.map {
            "\(self[keyPath: $0.count]) \($0.name) in \(schedules) schedules"
        }
    }

    var summary: String { Self.kinds.map { "\(self[keyPath: $0.count]) \($0.name)" }.joined(separator: ", ") }

    private typealias Kind = (
        count: any WritableKeyPath<Coverage, Int> & Sendable, name: String, perThousand: Int
    )

    private static let kinds = everywhere + servers + clusters

    /// What is counted, and how often it has to happen in a thousand schedules at least.
    private static let everywhere: [Kind] = [
        (\.delivered, "deliveries", 20_000), (\.gaps, "gaps", 500), (\.connects, "connects", 5_000),
        (\.refusals, "refused connects", 500), (\.giveUps, "unsubscriptions", 500),
        (\.crashes, "killed Readers", 100), (\.drains, "drains", 100),
        (\.deferrals, "batches that a full loop left to a repair", 30), (\.repairs, "repairs", 1_000),
        (\.cuts, "cut subscribers", 200), (\.lags, "lagging subscribers", 50),
        (\.duplicates, "messages that came twice", 100),
        (\.freezes, "times Redis froze", 50), (\.recoveries, "viewers who came back", 1_000),
        (\.failedRecoveries, "scans for them that failed", 50),
        (\.races, "scans during which messages came", 100), (\.storms, "storms", 50),
        (\.torn, "torn deliveries", 100), (\.slowConsumers, "slow consumers", 20),
    ]

    private static let servers: [Kind] = [
        (\.restarts, "restarts of Redis", 200), (\.lossyRestarts, "of them with a loss", 100),
        (\.lostEpochs, "of them empty", 50), (\.failovers, "failovers", 10),
        (\.failbacks, "failovers and back", 30), (\.evictions, "evicted or expired histories", 20),
        (\.foreignValues, "histories of another type", 20), (\.lateAnswers, "late answers", 500),
        (\.sharedScans, "scans for several at once", 50),
        (\.ignorantWriters, "lost comments that the next writer did not know of", 10),
    ]

    private static let clusters: [Kind] = [
        (\.clusterFailovers, "failovers of a shard", 300), (\.partitions, "partitions", 50),
        (\.phantoms, "comments of masters that were none any more", 30),
        (\.phantomJumps, "of them far above those of the heir", 3), (\.openSlots, "opened slots", 100),
        (\.openSlotFailovers, "failovers of a shard with an open slot", 30),
        (\.openSlotLinks, "connections for open slots", 50), (\.drops, "subscriptions that a node ended", 50),
        (\.redirections, "redirected commands", 300),
    ]
}
