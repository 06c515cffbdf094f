import Audience
import Report
import Testbed

/// Says whether likes kept their promises: exact in all three places, told to every viewer, and few updates.
enum LikesChecker {
    /// A run that failed, or in which nobody liked anything, has no other check than that.
    static func verdict(on result: LikesResult, failure: Failure?) -> Verdict {
        guard failure == nil, let swarm = result.outcome.swarm else {
            return Verdict([.completed(failure ?? .interrupted)])
        }
        guard swarm.requests.acknowledged > 0 else {
            let silent = Check("likes", passed: false, "no like was acknowledged", exitCode: .unavailable)
            return Verdict([.completed(nil), silent])
        }
        let missing = result.drill == nil ? [] : result.faultLog.missing
        guard missing.isEmpty else {
            return Verdict([.completed(nil), Check("took place", problems: missing, else: "", exitCode: .unavailable)])
        }
        let places = result.outcome.photos.contains { $0.record != nil } ? "Redis, PostgreSQL" : "Redis"
        let exact = Check(
            "likes", problems: complaints(result.outcome), else: "\(places) and the generator agree on every like")
        guard result.drill != nil else { return Verdict([.completed(nil), exact]) }
        let recovery = Check("recovery", problems: faults(result, swarm), else: "the fault passed as promised")
        return Verdict([.completed(nil), exact, recovery])
    }

    /// What is wrong, whatever happened.
    static func complaints(_ outcome: LikesResult.Outcome) -> [String] {
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
            complaints.append("a viewer got \(Format.decimal(viewers.updatesPerSecondMost, 1)) updates a second")
        }
        return complaints
    }

    private static func faults(_ report: LikesResult, _ swarm: LikeSwarmReport) -> [String] {
        guard let drill = report.drill else { return [] }
        guard let resumed = report.recoverySeconds else {
            return ["no like was acknowledged after the fault, or no viewer told"]
        }
        var faults = report.faultLog.facts.outside(\.promised)
        faults += report.answers.complaints(report.faultLog.marks, refusedShareMax: 0.02)
        if resumed > LikesSettings.resumeSecondsMax {
            faults.append("the first like after the fault came after \(Format.decimal(resumed, 1)) s")
        }
        let noticed = swarm.requests.refused + swarm.requests.unanswered
        if drill.mustGoUnnoticed, noticed > 0 { faults.append("\(noticed) requests were refused or not answered") }
        return faults
    }
}
