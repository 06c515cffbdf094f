import Audience

/// Says whether likes kept their promises: exact in all three places, told to every viewer, and few updates.
enum LikesJudge {
    static func verdict(on report: LikesReport, failure: Failure?) -> RunReport.Verdict {
        if let failure { return RunReport.Verdict(status: failure.status, reason: failure.description) }
        guard let swarm = report.outcome.swarm else { return report.verdict }
        guard swarm.requests.acknowledged > 0 else {
            return RunReport.Verdict(status: .unavailable, reason: "no like was acknowledged")
        }
        let broken = complaints(report.outcome) + faults(report, swarm)
        guard broken.isEmpty else {
            return RunReport.Verdict(status: .auditFailed, reason: broken.joined(separator: "; "))
        }
        let places = report.outcome.photos.contains { $0.record != nil } ? "Redis, PostgreSQL" : "Redis"
        return RunReport.Verdict(status: .fine, reason: "\(places) and the generator agree on every like")
    }

    /// What is wrong, whatever happened.
    static func complaints(_ outcome: LikesReport.Outcome) -> [String] {
        var complaints = outcome.photos.filter { !$0.isExact }.map { photo in
            let record = photo.record.map { ", PostgreSQL \($0) (told \(photo.recordCount ?? 0))" } ?? ""
            return "\(photo.photo): truth \(photo.truth), Redis \(photo.redis) (told \(photo.redisCount))\(record)"
        }
        guard let swarm = outcome.swarm else { return complaints }
        let (requests, viewers) = (swarm.requests, swarm.viewers)
        if requests.unfinished > 0 { complaints.append("\(requests.unfinished) users got no answer") }
        if viewers.connected < viewers.wanted {
            complaints.append("\(viewers.wanted - viewers.connected) viewers are not connected")
        }
        if viewers.wrong > 0 { complaints.append("\(viewers.wrong) last counts of viewers are wrong") }
        if viewers.malformed > 0 { complaints.append("\(viewers.malformed) counts could not be read") }
        if viewers.updatesPerSecondMost > LikesSettings.updatesPerSecondMax {
            complaints.append("a viewer got \(Figure.decimal(viewers.updatesPerSecondMost, 1)) updates a second")
        }
        return complaints
    }

    private static func faults(_ report: LikesReport, _ swarm: LikeSwarmReport) -> [String] {
        guard let drill = report.drill else { return [] }
        guard report.faultEnd != nil else { return ["the fault did not take place"] }
        guard let resumed = report.resumedAfterSeconds else { return ["no like was acknowledged after the fault"] }
        var faults: [String] = []
        if resumed > LikesSettings.resumeSecondsMax {
            faults.append("the first like after the fault came after \(Figure.decimal(resumed, 1)) s")
        }
        let noticed = swarm.requests.refused + swarm.requests.unanswered
        if drill.mustGoUnnoticed, noticed > 0 { faults.append("\(noticed) requests were refused or not answered") }
        return faults
    }
}
