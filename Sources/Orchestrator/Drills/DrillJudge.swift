import Audience

/// Says whether a drill kept the promise: nothing acknowledged is lost, repeated or out of order, and all is well soon.
enum DrillJudge {
    static func verdict(on report: DrillReport, failure: Failure?) -> RunReport.Verdict {
        if let failure { return RunReport.Verdict(status: failure.status, reason: failure.description) }
        guard report.passes.count == report.drill.passes.count else { return report.verdict }
        for pass in report.passes {
            if let reason = incomplete(pass, report.drill) {
                return RunReport.Verdict(status: .unavailable, reason: name(pass) + reason)
            }
        }
        let broken = report.passes.flatMap { pass in complaints(pass, report.drill).map { name(pass) + $0 } }
        guard broken.isEmpty else {
            return RunReport.Verdict(status: .auditFailed, reason: broken.joined(separator: "; "))
        }
        return RunReport.Verdict(status: .fine, reason: "nothing acknowledged was lost, repeated or out of order")
    }

    private static func name(_ pass: DrillReport.Pass) -> String { pass.name.isEmpty ? "" : "\(pass.name): " }

    /// Why the drill says nothing.
    private static func incomplete(_ pass: DrillReport.Pass, _ drill: Drill) -> String? {
        let connections = pass.connections
        if connections.failed > 0 {
            return "\(connections.failed) of \(connections.wanted) viewers could not connect before the fault"
        }
        guard let swarm = pass.swarm else { return "there is no report of the viewers" }
        if swarm.publishing.acknowledged == 0 { return "no comment was acknowledged" }
        switch drill {
        case .bufferLimit where pass.fact("subscribers cut") ?? 0 == 0: return "Redis has not cut the subscriber"
        case .cutSubscriber where pass.fact("subscribers cut") ?? 0 == 0: return "there was no subscriber to cut"
        case .joinLeave where (pass.changes ?? []).allSatisfy { $0.viewersDue == 0 }:
            return "the Reader that left had no viewers"
        case .slowViewers where pass.fact("viewers cut for being slow") ?? 0 == 0: return "no slow viewer was cut"
        default: return nil
        }
    }

    private static func complaints(_ pass: DrillReport.Pass, _ drill: Drill) -> [String] {
        var complaints: [String] = []
        if let counts = pass.swarm?.delivery {
            let all = [
                (counts.lost, "lost"), (counts.repeated, "repeated"), (counts.reordered, "out of order"),
                (counts.epochBreaks, "unannounced new histories"),
                (drill.mayMiss ? 0 : counts.toldMissing, "told missing"),
            ]
            complaints += all.filter { $0.0 > 0 }.map { "\(Figure.grouped($0.0)) \($0.1)" }
        }
        if let missing = pass.history?.missing, missing > 0 {
            complaints.append("\(Figure.grouped(missing)) missing from GET /history")
        }
        for change in pass.changes ?? [] where !change.movesOnlyWhoMust {
            let (moved, due) = (Figure.grouped(change.viewersMoved), Figure.grouped(change.viewersDue))
            complaints.append("\(change.name): \(moved) viewers moved, \(due) had to")
        }
        guard let whole = pass.wholeAfterSeconds else { return complaints + ["the viewers did not become whole again"] }
        if !drill.isDrain, whole > DrillSettings.wholeSecondsMax {
            complaints.append("whole again only after \(Figure.decimal(whole, 1)) s")
        }
        return complaints
    }
}
