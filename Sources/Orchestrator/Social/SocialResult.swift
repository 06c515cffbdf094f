import Audience
import Report
import Testbed

/// What the preset `social` measured, and what its audit found.
struct SocialResult: Experiment {
    var settings: RunSettings
    /// What the report begins with.
    var base: Report
    var processes: [ProcessCosts] = []
    /// `nil` before the people have done their work.
    var crowd: SocialCrowd.State?
    /// Until the last answer.
    var seconds = 0.0
    var fillSeconds = 0.0
    /// From the last answer until nothing was under way.
    var drainSeconds: Double?
    var found: Found?

    /// How many of each there are, and what is wrong; nothing where the lists are empty.
    struct Found: Sendable {
        var posts = 0
        var likes = 0
        var comments = 0
        /// New ones.
        var follows = 0
        /// Notifications, likes of one post together.
        var told = 0
        var comparedFeeds = 0
        var feedPosts = 0
        var feeds: [String] = []
        var rows: [String] = []
        var notifications: [String] = []
    }
}

extension SocialResult {
    /// A run that failed, or in which nobody did anything, has no other check than that.
    func verdict(_ failure: Failure?) -> Verdict {
        guard failure == nil, let crowd, let found else {
            return Verdict([.completed(failure ?? .interrupted)])
        }
        let (done, failed) = (crowd.done, crowd.failed)
        guard done > 0, found.comparedFeeds > 0 else {
            return Verdict([
                .completed(nil), Check("work", passed: false, "nobody did anything", exitCode: .unavailable),
            ])
        }
        func check(_ name: String, _ problems: [String], _ text: String) -> Check {
            let shown = Array(problems.prefix(5)) + (problems.count > 5 ? ["and \(problems.count - 5) more"] : [])
            return Check(name, problems: shown, else: text)
        }
        return Verdict([
            .completed(nil),
            check(
                "answers", failed == 0 ? [] : ["\(failed) actions failed"] + crowd.complaints,
                "all \(Format.grouped(done)) actions were answered"),
            Check(
                "dropped",
                passed: Double(crowd.dropped) <= SocialPlan.droppedShareMax * Double(max(crowd.offered, 1)),
                "\(Format.grouped(crowd.dropped)) of \(Format.grouped(crowd.offered)) actions were dropped"),
            check(
                "feeds", found.feeds,
                "all pages of \(Format.grouped(found.comparedFeeds)) feeds, \(Format.grouped(found.feedPosts)) posts with"
                    + " their counts, equal SQL"),
            check("counts", found.rows, "rows are what was acknowledged, and counts are rows"),
            check(
                "notifications", found.notifications,
                "each of \(Format.grouped(found.told)) notifications was told exactly once"),
        ])
    }

    static let metrics = MetricList<SocialResult> { list in
        list.group("People")
        list.count("people") { $0.crowd?.ledger.people.count }
        list.count("registered over HTTP") { $0.crowd?.ledger.registered.count }
        list.count("actions due") { $0.crowd?.offered }
        list.count("actions dropped", .lowerIsBetter) { $0.crowd?.dropped }
        list.add("actions done", .perSecond) { result in
            result.crowd.map { Double($0.done) / max(result.seconds, 1e-9) }
        }
        list.add("making the people", .seconds) { $0.fillSeconds }
        list.add("until everything was stored, told and pushed", .seconds, .lowerIsBetter, minimumDelta: 1) {
            $0.drainSeconds
        }
        list.group("Found")
        list.count("posts") { $0.found?.posts }
        list.count("likes") { $0.found?.likes }
        list.count("comments") { $0.found?.comments }
        list.count("new follows") { $0.found?.follows }
        list.count("notifications") { $0.found?.told }
        list.count("feeds compared") { $0.found?.comparedFeeds }
        list.count("posts in them") { $0.found?.feedPosts }
        list.count("differences", .lowerIsBetter, strict: true) { result in
            result.found.map { $0.feeds.count + $0.rows.count + $0.notifications.count }
        }
    }

    static let actionMetrics = MetricList<SocialCrowd.Tally> { list in
        list.group("Actions")
        list.count("done") { $0.done }
        list.count("failed", .lowerIsBetter, strict: true) { $0.failed }
        list.add("p50", .milliseconds, .lowerIsBetter, minimumDelta: 2) { $0.latency.milliseconds(atPercentile: 50) }
        list.add("p99", .milliseconds, .lowerIsBetter, minimumDelta: 10) { $0.latency.milliseconds(atPercentile: 99) }
    }

    static var definitions: [MetricDefinition] {
        metrics.definitions + actionMetrics.definitions + ProcessCosts.metrics.definitions
    }

    func report(_ failure: Failure?) -> Report {
        var report = base
        report.verdict = verdict(failure)
        let people = Format.grouped(settings.viewers)
        report.summary =
            "\(people) people, who follow about \(SocialPlan.followees) others each; \(Format.plain(settings.rate)) times"
            + " a second one of them does something: \(SocialPlan.mix)."
        report.metrics = Self.metrics.metrics(of: self)
        for action in SocialAction.allCases {
            guard let tally = crowd?.tallies[action] else { continue }
            report.metrics += Self.actionMetrics.metrics(of: tally, scope: action.rawValue)
        }
        report.metrics += processes.flatMap { ProcessCosts.metrics.metrics(of: $0, scope: $0.name) }
        report.highlights = ["people", "actions done", "notifications", "differences"]
        report.notes.append(
            "The people were made in PostgreSQL and got tokens from the services' key: a password takes 20 ms of a core to"
                + " hash. Only those of the action 'register' registered over HTTP. Latency counts from when an action was due."
        )
        return report
    }
}
