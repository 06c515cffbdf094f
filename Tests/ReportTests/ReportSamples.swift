import Foundation

@testable import Report

/// A small report with everything in it.
func makeReport(lost: Double = 0, p99: Double? = 20, kind: String = "run") -> Report {
    struct Source {
        var lost: Double
        var p99: Double?
    }
    let list = MetricList<Source> { list in
        list.group("Delivery")
        list.add("lost", .none, .lowerIsBetter, strict: true) { $0.lost }
        list.add("dropped", .percent, .lowerIsBetter, minimumDelta: 0.1) { _ in 0.5 }
        list.group("Latency")
        list.add("p99", .milliseconds, .lowerIsBetter, minimumDelta: 2) { $0.p99 }
        list.add("rate", .perSecond, .higherIsBetter) { _ in 1_234 }
    }
    var report = Report(
        kind: kind, title: "Run: <b> & \"x\"", command: "Orchestrator run --viewers 200 --seed 1",
        environment: makeEnvironment(), startedAt: "2026-01-01T12:00:00.000Z")
    report.summary = "All is well."
    report.metrics = list.metrics(of: Source(lost: lost, p99: p99))
    let readers = MetricList<Double> { list in
        list.group("Readers")
        list.add("share", .percent) { $0 }
    }
    report.metrics += readers.metrics(of: 60, scope: "reader-1") + readers.metrics(of: 80, scope: "reader-2")
    report.charts = [Chart(bars: "Shares", y: "%", labels: ["a"], [("b", [1])])]
    report.samples = [Report.Samples("publishing", ["seconds", "delivered"], rows: [[0.5, 10], [1, 25]])]
    report.verdict.checks = [
        Check("audit", problems: lost > 0 ? ["\(Int(lost)) lost"] : [], else: "nothing lost, nothing repeated")
    ]
    return report
}

func makeEnvironment(build: String = "debug") -> Report.Environment {
    Report.Environment(
        commit: "0123456789ab", build: build, cores: 2, memoryBytes: 8 << 30, kernel: "Linux 6.1",
        processor: "Test CPU", descriptorsMax: 20_000)
}

/// A folder that goes away with the test.
func withFolder<Answer>(_ body: (String) throws -> Answer) throws -> Answer {
    let path = NSTemporaryDirectory() + "report-tests-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
}

func text(of path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
