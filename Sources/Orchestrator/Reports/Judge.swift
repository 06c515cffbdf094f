import Audience

/// Says whether a run was fine.
enum Judge {
    /// The first of these that holds: the run failed; viewers could not connect; the audit found something; fine.
    static func verdict(on report: RunReport, failure: Failure?) -> RunReport.Verdict {
        if let failure { return RunReport.Verdict(status: failure.status, reason: failure.description) }
        let connections = report.connections
        if connections.failed > 0 {
            let text = "\(connections.failed) of \(connections.wanted) viewers could not connect"
            return RunReport.Verdict(status: .unavailable, reason: text)
        }
        if let counts = report.swarm?.delivery, !counts.isClean {
            return RunReport.Verdict(status: .auditFailed, reason: "the audit of all viewers found \(findings(counts))")
        }
        if let wrong = report.likes.map(LikesJudge.complaints), !wrong.isEmpty {
            return RunReport.Verdict(status: .auditFailed, reason: "likes: " + wrong.joined(separator: "; "))
        }
        if let deaf = report.people.first(where: { !$0.missed.isEmpty || !$0.foreign.isEmpty }) {
            return RunReport.Verdict(status: .auditFailed, reason: deaf.complaint)
        }
        return RunReport.Verdict(status: .fine, reason: "nothing lost, nothing repeated, nothing out of order")
    }

    private static func findings(_ counts: DeliveryCounts) -> String {
        let all = [
            (counts.lost, "lost"), (counts.repeated, "repeated"), (counts.reordered, "out of order"),
            (counts.epochBreaks, "unannounced new histories"),
        ]
        return all.filter { $0.0 > 0 }.map { "\(Figure.grouped($0.0)) \($0.1)" }.joined(separator: ", ")
    }
}

extension RunReport.Person {
    var complaint: String {
        missed.isEmpty
            ? "\(user), who watches \(video), got a comment of another video: \(foreign.joined(separator: ", "))"
            : "\(user), who watches \(video), never got: \(missed.joined(separator: ", "))"
    }
}
