/// What schedules went through, summed: a simulation in which nothing happens proves nothing.
struct Coverage: Equatable {
    var delivered = 0
    var gaps = 0
    var connects = 0
    var resumptions = 0
    var failedResumptions = 0
    var repairs = 0
    var cuts = 0
    var crashes = 0
    var drains = 0
    var restarts = 0
    var deferrals = 0
    var refusals = 0
    var slowConsumers = 0
    var torn = 0
    var lateAnswers = 0
    var giveUps = 0

    mutating func add(_ witness: Witness) {
        delivered += witness.delivered
        gaps += witness.gaps
    }

    static func + (left: Coverage, right: Coverage) -> Coverage {
        var sum = left
        for field in fields { sum[keyPath: field] += right[keyPath: field] }
        return sum
    }

    /// Kinds of events that never happened.
    var missing: [String] {
        zip(Self.fields, Self.names).filter { self[keyPath: $0.0] == 0 }.map(\.1)
    }

    var summary: String {
        zip(Self.fields, Self.names).map { "\(self[keyPath: $0.0]) \($0.1)" }.joined(separator: ", ")
    }

    private static let fields: [any WritableKeyPath<Coverage, Int> & Sendable] = [
        \.delivered, \.gaps, \.connects, \.resumptions, \.failedResumptions, \.repairs, \.cuts, \.crashes, \.drains,
        \.restarts, \.deferrals, \.refusals, \.slowConsumers, \.torn, \.lateAnswers, \.giveUps,
    ]
    private static let names = [
        "deliveries", "gaps", "connects", "resumptions", "failed resumptions", "repairs", "cut subscribers",
        "crashes", "drains", "restarts of Redis", "deferrals", "refused connects", "slow consumers", "torn deliveries",
        "late answers", "unsubscriptions",
    ]
}
