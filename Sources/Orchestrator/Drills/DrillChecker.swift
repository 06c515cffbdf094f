import Audience
import Report
import Testbed

/// Says whether a drill kept the promise: nothing acknowledged is lost, repeated or out of order, and all is well soon.
enum DrillChecker {
    /// A drill that failed, or that says nothing, has no other check than that.
    static func verdict(on result: DrillResult, failure: Failure?) -> Verdict {
        let isWhole = result.passes.count == result.drill.passes.count
        guard failure == nil, isWhole else { return Verdict([.completed(failure ?? .interrupted)]) }
        let empty = result.passes.flatMap { pass in incomplete(pass).map { name(pass) + $0 } }
        let took = Check("took place", problems: empty, else: "the fault took place", exitCode: .unavailable)
        guard took.passed else { return Verdict([.completed(nil), took]) }
        let recovery = result.passes.compactMap { pass in slow(pass, result.drill).map { name(pass) + $0 } }
        let broken = result.passes.flatMap { pass in complaints(pass, result.drill).map { name(pass) + $0 } }
        return Verdict([
            .completed(nil), took,
            Check("audit", problems: broken, else: "nothing acknowledged was lost, repeated or out of order"),
            Check("recovery", problems: recovery, else: "every viewer had everything again in time"),
        ])
    }

    private static func name(_ pass: DrillResult.Pass) -> String { pass.name.isEmpty ? "" : "\(pass.name): " }

    /// Why the drill says nothing.
    private static func incomplete(_ pass: DrillResult.Pass) -> [String] {
        let connections = pass.connections
        if connections.failed > 0 {
            return ["\(connections.failed) of \(connections.wanted) viewers could not connect before the fault"]
        }
        guard let swarm = pass.swarm else { return ["there is no report of the viewers"] }
        if swarm.publishing.acknowledged == 0 { return ["no comment was acknowledged"] }
        return pass.faultLog.missing
    }

    private static func complaints(_ pass: DrillResult.Pass, _ drill: Drill) -> [String] {
        var complaints: [String] = []
        if let counts = pass.swarm?.delivery {
            if !counts.problems.isEmpty { complaints.append(counts.problems) }
            if !drill.mayMiss, counts.toldMissing > 0 {
                complaints.append("\(Format.grouped(counts.toldMissing)) told missing")
            }
        }
        if let missing = pass.history?.missing, missing > 0 {
            complaints.append("\(Format.grouped(missing)) missing from GET /history")
        }
        complaints += pass.faultLog.facts.outside(\.promised)
        complaints += pass.answers.complaints(pass.faultLog.marks, refusedShareMax: 0)
        for change in pass.faultLog.changes where !change.movesOnlyWhoMust {
            let (moved, due) = (Format.grouped(change.viewersMoved), Format.grouped(change.viewersDue))
            complaints.append("\(change.name): \(moved) viewers moved, \(due) had to")
        }
        return complaints
    }

    private static func slow(_ pass: DrillResult.Pass, _ drill: Drill) -> String? {
        guard let seconds = pass.recoverySeconds else { return "the viewers did not recover" }
        if let most = drill.lateSecondsMax, let late = pass.lateSeconds, late.fault - late.calm > most {
            return
                "the last viewer lacked something for \(Format.decimal(late.fault, 2)) s, before the fault for"
                + " \(Format.decimal(late.calm, 2)) s at most"
        }
        guard !drill.isDrain, seconds > DrillSettings.recoverySecondsMax else { return nil }
        return "recovered only after \(Format.decimal(seconds, 1)) s"
    }
}
