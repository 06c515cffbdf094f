import Audience
import Report
import Testbed

extension DrillResult {
    static let metrics = MetricList<Pass> { list in
        list.group("Recovery")
        list.add("time to recover", .seconds, .lowerIsBetter, minimumDelta: 0.5) { $0.recoverySeconds }
        list.add("longest that the last viewer lacked something", .seconds) { $0.lateSeconds?.fault }
        list.add("the same before the fault", .seconds) { $0.lateSeconds?.calm }
        list.count("viewers away, most at a time") { $0.samples.map(\.away).max() }
        list.count("viewers behind, most at a time") { $0.samples.map(\.behind).max() }
        list.add("accepts, peak of 1 s", .perSecond) { $0.acceptsPeak(window: 1) }
        list.add("accepts, peak of 0.1 s", .perSecond) { $0.acceptsPeak(window: 0.1) }
        list.count("GET /history: comments wanted") { $0.history?.wanted }
        list.count("GET /history: missing", .lowerIsBetter, strict: true) { $0.history?.missing }
        list.count("GET /history: others") { $0.history?.others }
    }

    static let changeMetrics = MetricList<Change> { list in
        list.group("Who moved")
        list.count("videos") { $0.videos }
        list.count("placed elsewhere") { $0.videosMoved }
        list.add("share", .percent) { Double($0.videosMoved) * 100 / Double(max($0.videos, 1)) }
        list.add("share expected", .percent) { $0.shareExpected * 100 }
        list.count("of these between others") { $0.videosMovedElsewhere }
        list.count("viewers moved") { $0.viewersMoved }
        list.count("viewers who had to") { $0.viewersDue }
    }

    static var definitions: [MetricDefinition] {
        metrics.definitions + changeMetrics.definitions + DrillFact.metrics.definitions
            + SwarmReport.metrics.definitions
    }

    func report(_ failure: Failure?) -> Report {
        var report = base
        report.summary = drill.story
        report.verdict = DrillChecker.verdict(on: self, failure: failure)
        report.tables = passes.map { pass in
            pass.faultLog.marks.timeline(
                pass.name.isEmpty ? "Timeline" : "Timeline, \(pass.name)", recovery: pass.recoverySeconds,
                "every viewer is connected and has everything")
        }
        for pass in passes {
            report.metrics += pass.faultLog.changes.flatMap { Self.changeMetrics.metrics(of: $0, scope: $0.name) }
            report.metrics += pass.swarm.map { SwarmReport.metrics.metrics(of: $0, scope: pass.name) } ?? []
            report.metrics += Self.metrics.metrics(of: pass, scope: pass.name)
            report.metrics += pass.faultLog.facts.metrics
        }
        report.metrics += processes.flatMap { ProcessCosts.metrics.metrics(of: $0, scope: $0.name) }
        report.details = ["Latency", "Processes"]
        report.highlights = ["time to recover", "delivered", "lost", "p99"]
        report.charts = [
            chart("Viewers that are not connected", "viewers") { $0.map { Double($0.away) } },
            chart("Viewers that lack something", "viewers") { $0.map { Double($0.behind) } },
            chart("Deliveries", "a second") { rates($0.map { ($0.seconds, $0.delivered) }) },
            chart("Accepted connections", "a second") { rates($0.map { ($0.seconds, $0.connects) }) },
        ]
        report.samples = passes.map { pass in
            Report.Samples(
                pass.name,
                [
                    "seconds", "acknowledged", "unacknowledged", "delivered", "away", "behind", "whole_through",
                    "attempts", "connects",
                ],
                rows: pass.samples.map { sample in
                    let counts = [
                        sample.acknowledged, sample.unacknowledged, sample.delivered, sample.away, sample.behind,
                    ]
                    return [sample.seconds] + counts.map(Double.init)
                        + [sample.wholeThrough, Double(sample.attempts), Double(sample.connects)]
                })
        }
        return report
    }

    private func chart(_ title: String, _ unit: String, _ values: ([Sample]) -> [Double]) -> Chart {
        Chart(
            title, x: "s since publishing began", y: unit,
            passes.map { pass in
                Chart.Series(
                    pass.name.isEmpty ? title : pass.name,
                    zip(pass.samples, values(pass.samples)).map { Chart.Point(x: $0.seconds, y: $1) })
            })
    }
}
