import Testing

@testable import Report

struct ComparisonTests {
    private func metric(_ value: Double, _ direction: Metric.Direction = .lowerIsBetter, strict: Bool = false) -> Metric
    {
        Metric(
            group: "", scope: "", name: "m", value: value, unit: .milliseconds, direction: direction,
            minimumDelta: strict ? 0 : 1, isStrict: strict)
    }

    @Test(arguments: [
        (10.0, 10.0, Comparison.Change.same), (10, 10.9, .same), (100, 110, .same), (100, 110.5, .worse),
        (100, 89, .better),
        (0, 0.9, .same), (0, 1.1, .worse), (5, 5.9, .same),
    ])
    func aChangeCountsAboveToleranceAndNoise(old: Double, new: Double, change: Comparison.Change) {
        #expect(Comparison.change(metric(old), to: new, tolerance: 0.1) == change)
    }

    @Test func oneMoreLossIsWorseWhateverTheTolerance() {
        #expect(Comparison.change(metric(100, strict: true), to: 101, tolerance: 10) == .worse)
        #expect(Comparison.change(metric(1, strict: true), to: 0, tolerance: 10) == .better)
    }

    @Test func ofSomeNumbersMoreIsBetter() {
        #expect(Comparison.change(metric(100, .higherIsBetter), to: 80, tolerance: 0.1) == .worse)
        #expect(Comparison.change(metric(100, .higherIsBetter), to: 120, tolerance: 0.1) == .better)
        #expect(Comparison.change(metric(100, .higherIsBetter), to: 95, tolerance: 0.1) == .same)
    }

    @Test func aRunIsLikeItself() throws {
        let comparison = try Comparison(old: makeReport(), new: makeReport(), tolerance: 0)
        #expect(comparison.passed && comparison.notes.isEmpty)
        // Neutral ones are not compared.
        #expect(comparison.rows.map(\.metric.name) == ["lost", "dropped", "p99", "rate"])
        #expect(comparison.summary == "Nothing became worse by more than the tolerance.")
    }

    @Test func slowerAndLostAreFound() throws {
        let comparison = try Comparison(old: makeReport(), new: makeReport(lost: 1, p99: 200), tolerance: 0.1)
        #expect(comparison.regressions.map(\.metric.name) == ["lost", "p99"])
        #expect(comparison.summary == "The new run was not fine: 1 lost. Worse: lost, from 0 to 1, and 1 more.")
    }

    @Test func aMetricThatIsMissingIsARegression() throws {
        let comparison = try Comparison(old: makeReport(), new: makeReport(p99: nil), tolerance: 0.1)
        #expect(!comparison.passed)
        #expect(comparison.regressions.map(\.metric.name) == ["p99"])
        #expect(comparison.summary == "Worse: p99, from 20.0 ms to not measured.")
        #expect(try Comparison(old: makeReport(p99: nil), new: makeReport(), tolerance: 0.1).passed)
    }

    /// Whatever its numbers are: a run that was interrupted has measured nothing.
    @Test func aRunThatDidNotComeToItsEndIsARegression() throws {
        var interrupted = makeReport()
        interrupted.verdict.checks = [Check("completed", passed: false, "interrupted", exitCode: .interrupted)]
        let comparison = try Comparison(old: makeReport(), new: interrupted, tolerance: 0.1)
        #expect(comparison.regressions.isEmpty && !comparison.passed)
        #expect(comparison.summary.hasPrefix("The new run was not fine: interrupted."))
        interrupted.verdict.checks = []
        #expect(try !Comparison(old: makeReport(), new: interrupted, tolerance: 0.1).passed)
        // An old run that failed is said, and no reason to fail the new one.
        let mended = try Comparison(old: interrupted, new: makeReport(), tolerance: 0.1)
        #expect(mended.passed && mended.notes == ["the old run was not fine: it did not come to its end"])
    }

    @Test func otherParametersAreNoted() throws {
        var other = Report(
            kind: "run", title: "", command: "Orchestrator run --viewers 300 --rate 5",
            environment: makeEnvironment(build: "release"), startedAt: "")
        other.metrics = makeReport().metrics
        other.verdict = makeReport().verdict
        let notes = try Comparison(old: makeReport(), new: other, tolerance: 0.1).notes
        #expect(
            notes == [
                "--viewers differs: 200 and 300", "--seed differs: 1 and none", "the build differs: debug and release",
                "--rate differs: none and 5",
            ])
    }

    @Test func kindsAreNotMixed() {
        #expect(throws: ReportError.self) {
            try Comparison(old: makeReport(), new: makeReport(kind: "scale"), tolerance: 0)
        }
    }
}

struct SideBySideTests {
    private func run(_ placement: String, p99: Double? = 20, spread: Double, lost: Double = 0) -> Report {
        var report = Report(
            kind: "run", title: "Run", command: "Orchestrator run --viewers 200 --placement \(placement)",
            environment: makeEnvironment(), startedAt: "2026-01-01T12:00:00.000Z")
        let base = makeReport(lost: lost, p99: p99)
        (report.metrics, report.verdict) = (base.metrics, base.verdict)
        report.charts = [
            Chart(
                "Spread", x: "Readers", y: "%",
                [
                    Chart.Series("measured", [.init(x: 1, y: spread)], style: .points, colour: 0),
                    Chart.Series("model", [.init(x: 1, y: 85)], colour: 0),
                ]),
            Chart(bars: "Shares", y: "%", labels: placement == "random" ? ["a"] : ["b", "a"], [("share", [1, 2])]),
        ]
        report.maps = [SubscriptionMap(title: "Map", channels: ["c"], readers: ["r"], rows: ["1"])]
        return report
    }

    private func compare(_ runs: [Report], tolerance: Double = 0.1) throws -> Report {
        var report = Report(
            kind: "comparison", title: "Comparison", command: "Orchestrator compare a b",
            environment: makeEnvironment(), startedAt: "")
        try report.compare(runs, tolerance: tolerance)
        return report
    }

    @Test func allRunsStandBesideTheFirst() throws {
        let report = try compare([
            run("random", spread: 80), run("overflow", p99: 40, spread: 20), run("rendezvous", p99: 10, spread: 20),
        ])
        #expect(
            report.tables[0].columns.map(\.title) == [
                "metric", "placement random", "placement overflow", "change", "placement rendezvous", "change",
            ])
        #expect(report.tables[0].rows[2] == ["p99", "20.0 ms", "40.0 ms", "100.0% worse", "10.0 ms", "-50.0% better"])
        #expect(report.verdict.status == .auditFailed)
        #expect(report.verdict.reason == "Worse: p99, from 20.0 ms to 40.0 ms")
        #expect(
            report.summary
                == "3 reports of 'run' against placement random: placement overflow: 1 worse, 3 the same;"
                + " placement rendezvous: 1 better, 3 the same.")
        #expect(report.value("p99", scope: "placement overflow") == 40)
        #expect(report.value("share", scope: "placement random, reader-2") == 80)
        #expect(report.maps.map(\.title).last == "placement rendezvous: Map")
        #expect(report.tables[1].rows.first == ["placement overflow", "--placement differs: random and overflow"])
    }

    /// One plot for all, and each run in one colour; bars stand at their own label.
    @Test func plotsOfOneTitleAreOne() throws {
        let report = try compare([run("random", spread: 80), run("overflow", spread: 20)])
        #expect(report.charts.map(\.title) == ["Spread", "Shares"])
        // The model is one for both.
        #expect(
            report.charts[0].series.map(\.name) == [
                "placement random: measured", "model", "placement overflow: measured",
            ])
        #expect(report.charts[0].series.map(\.colour) == [0, 0, 1])
        #expect(report.charts[0].series.map { $0.points[0].y } == [80, 85, 20])
        #expect(report.charts[1].labels == ["a", "b"])
        #expect(report.charts[1].series[1].points == [.init(x: 1, y: 1), .init(x: 0, y: 2)])
    }

    @Test func runsOfOneCommandAreToldApartByTheirTime() throws {
        var later = run("random", spread: 80)
        later.startedAt = "2026-01-01T13:00:00.000Z"
        let same = run("random", spread: 80)
        #expect(
            Report.names(of: [same, later, same]) == [
                "2026-01-01T12:00:00.000Z", "2026-01-01T13:00:00.000Z", "2026-01-01T12:00:00.000Z (2)",
            ])
        let report = try compare([same, later])
        #expect(report.verdict.status == .fine)
        #expect(report.verdict.reason == "Nothing became worse by more than the tolerance")
    }

    @Test func oneReportIsNoComparison() {
        #expect(throws: ReportError.invalid("there must be at least two reports to compare")) {
            try compare([run("random", spread: 80)])
        }
        #expect(throws: ReportError.self) { try compare([run("random", spread: 80), makeReport(kind: "scale")]) }
    }
}

struct ThresholdTests {
    private let known = [
        MetricDefinition(name: "p99", unit: .milliseconds), MetricDefinition(name: "dropped", unit: .percent),
        MetricDefinition(name: "lost", unit: .none), MetricDefinition(name: "share", unit: .percent),
        MetricDefinition(name: "Redis memory", unit: .bytes), MetricDefinition(name: "rate", unit: .perSecond),
    ]

    @Test(arguments: [
        ("p99<150ms", "p99", Threshold.Relation.below, 150.0), ("p99 <= 0.2 s", "p99", .atMost, 200),
        ("dropped<1%", "dropped", .below, 1), ("dropped<1", "dropped", .below, 1), ("lost==0", "lost", .equal, 0),
        ("redis-memory<1.5MiB", "Redis memory", .below, 1_572_864), ("rate>=1000/s", "rate", .atLeast, 1_000),
        ("P99>1500us", "p99", .above, 1.5), ("rate>60/min", "rate", .above, 1),
    ])
    func aThresholdIsRead(text: String, metric: String, relation: Threshold.Relation, limit: Double) throws {
        let threshold = try Threshold(text, known: known)
        #expect(threshold.metric == metric && threshold.relation == relation)
        #expect(abs(threshold.limit - limit) < 1e-9)
    }

    @Test(arguments: [
        ("p99", "must be a metric, one of"), ("p99<", "must end with a number"), ("p99<fast", "must end with a number"),
        ("p99<150MiB", "'p99' is measured in ms"), ("lost<1s", "'lost' is measured in plain numbers"),
        ("p98<1ms", "there is no metric 'p98'; there are p99, dropped, lost, share, Redis memory, rate"),
        ("p99<1parsec", "must end with a number and a unit"),
    ])
    func anythingElseIsRefusedWithItsReason(text: String, reason: String) {
        #expect {
            try Threshold(text, known: known)
        } throws: { error in
            (error as? ReportError)?.description.contains(reason) == true
        }
    }

    private func verdict(_ text: String, _ report: Report = makeReport()) throws -> Verdict {
        var report = report
        report.apply([try Threshold(text, known: known)])
        return report.verdict
    }

    @Test func aThresholdThatIsCrossedFailsTheRun() throws {
        #expect(try verdict("p99<21ms").status == .fine)
        let crossed = try verdict("p99<20ms")
        #expect(crossed.status == .auditFailed)
        #expect(crossed.reason == "p99<20ms: p99 is 20.0 ms")
    }

    @Test func everyScopeMustHold() throws {
        #expect(try verdict("share<=80%").status == .fine)
        #expect(try verdict("share<70%").reason == "share<70%: reader-2: share is 80.0%")
    }

    @Test func oneScopeCanBeNamed() throws {
        #expect(try verdict("Reader-1: share<70%").status == .fine)
        #expect(try verdict("reader-2: share<70%").status == .auditFailed)
        #expect(try verdict("reader-3: share<70%").status == .auditFailed)
    }

    @Test func whatWasNotMeasuredDoesNotHold() throws {
        #expect(try verdict("p99<1s", makeReport(p99: nil)).reason == "p99<1s: 'p99' was not measured")
        #expect(try verdict("redis memory>0").status == .auditFailed)
    }
}
