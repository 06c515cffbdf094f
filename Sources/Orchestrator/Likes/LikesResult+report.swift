import Audience
import Report
import Testbed

extension LikesResult {
    static let metrics = MetricList<Outcome> { list in
        list.group("Likes")
        list.count("users who came") { $0.swarm?.requests.offered }
        list.count("sent away by the generator") { $0.swarm?.requests.dropped }
        list.count("requests") { $0.swarm?.requests.sent }
        list.count("acknowledged") { $0.swarm?.requests.acknowledged }
        list.add("rate", .perSecond, .higherIsBetter, minimumDelta: 100) { $0.swarm?.requests.acknowledgedPerSecond }
        list.count("taken back") { $0.swarm?.requests.unlikes }
        list.count("said twice at once") { $0.swarm?.requests.duplicates }
        list.count("refused") { $0.swarm?.requests.refused }
        list.count("unanswered") { $0.swarm?.requests.unanswered }
        list.add("p50", .milliseconds, .lowerIsBetter, minimumDelta: 1) { $0.swarm?.latencyMilliseconds.p50 }
        list.add("p99", .milliseconds, .lowerIsBetter, minimumDelta: 5) { $0.swarm?.latencyMilliseconds.p99 }
        list.add("max", .milliseconds) { $0.swarm?.latencyMilliseconds.max }
        list.add("until PostgreSQL had everything", .seconds) { $0.drainSeconds }
        list.count("viewers") { $0.swarm?.viewers.connected }
        list.count("updates that they got") { $0.swarm?.viewers.updates }
        list.add("updates a second, the most that one got of a photo") { $0.swarm?.viewers.updatesPerSecondMost }
        list.count("updates within one second, the most") { $0.swarm?.viewers.updatesInSecondMost }
        list.count("wrong at viewers", .lowerIsBetter, strict: true) { $0.swarm?.viewers.wrong }
        list.add("generator's loop that likes, busy", .percent) { $0.swarm.map { $0.process.senderBusyShare * 100 } }
        list.add("generator's loop that watches, busy", .percent) { $0.swarm.map { $0.process.viewersBusyShare * 100 } }
    }

    static let photoMetrics = MetricList<PhotoAudit> { list in
        list.group("Photos")
        list.count("users") { $0.users }
        list.count("must like it") { $0.truth }
        list.count("in Redis") { $0.redis }
        list.count("told") { $0.redisCount }
        list.count("in PostgreSQL") { $0.record }
        list.count("its count") { $0.recordCount }
        list.count("users wrong", .lowerIsBetter, strict: true) { $0.redisDifferences + ($0.recordDifferences ?? 0) }
    }

    private static let ownMetrics = MetricList<LikesResult> { list in
        list.group("Recovery")
        list.add("time to recover", .seconds, .lowerIsBetter, minimumDelta: 1) { $0.recoverySeconds }
        list.group("Memory of Redis")
        list.add("before", .bytes) { $0.redis.map { Double($0.memoryBefore) } }
        list.add("drained", .bytes) { $0.redis.map { Double($0.memoryAfter) } }
        list.add("bytes a like", .bytes, .lowerIsBetter, minimumDelta: 5) { $0.bytesPerLike }
    }

    static var definitions: [MetricDefinition] {
        metrics.definitions + photoMetrics.definitions + ownMetrics.definitions + DrillFact.metrics.definitions
    }

    var story: String {
        drill?.story ?? "\(Format.grouped(settings.users)) users like \(settings.photo)."
    }

    func report(_ failure: Failure?) -> Report {
        var report = base
        report.verdict = LikesChecker.verdict(on: self, failure: failure)
        report.summary = story
        if !faultLog.marks.isEmpty {
            report.tables = [
                faultLog.marks.timeline("Timeline", recovery: recoverySeconds, "a like is acknowledged and told")
            ]
        }
        report.metrics = outcome.metrics(scope: "") + Self.ownMetrics.metrics(of: self) + faultLog.facts.metrics
        report.metrics += processes.flatMap { ProcessCosts.metrics.metrics(of: $0, scope: $0.name) }
        if outcome.swarm?.generatorLimited == true { report.notes.append("the generator was the limit") }
        report.highlights = ["rate", "acknowledged", "p99", "time to recover", "until PostgreSQL had everything"]
        report.charts = [
            chart("Likes acknowledged", "a second", rate(\.acknowledged)),
            chart("Requests refused or without an answer", "a second", rate { $0.refused + $0.unanswered }),
            chart("Users who wait for an answer", "users", samples.map { Double($0.underWay) }),
            chart("Counts that viewers got", "a second", rate(\.updates)),
        ]
        report.samples = [
            Report.Samples(
                "likes", ["seconds", "acknowledged", "refused", "unanswered", "under_way", "updates"],
                rows: samples.map { sample in
                    let counts = [sample.acknowledged, sample.refused, sample.unanswered]
                    return [sample.seconds] + (counts + [sample.underWay, sample.updates]).map(Double.init)
                })
        ]
        return report
    }

    /// Over a second each: samples come ten times as often.
    private func rate(_ count: (Sample) -> Int) -> [Double] {
        rates(samples.map { ($0.seconds, count($0)) }, over: 10)
    }

    private func chart(_ title: String, _ unit: String, _ values: [Double]) -> Chart {
        // A page needs no more points than a screen has.
        let step = max(1, samples.count / 1_500)
        let points = stride(from: 0, to: samples.count, by: step).map {
            Chart.Point(x: samples[$0].seconds, y: values[$0])
        }
        return Chart(title, x: "s since the first like", y: unit, [Chart.Series(title, points)])
    }
}

extension LikesResult.Outcome {
    /// Photo by photo, and then of all.
    func metrics(scope: String) -> [Metric] {
        photos.flatMap { LikesResult.photoMetrics.metrics(of: $0, scope: $0.photo) }
            + LikesResult.metrics.metrics(of: self, scope: scope)
    }
}
