import CoreMetrics
import Logging
import Placement
import Testing
import Wire

@testable import ServiceRuntime

@Suite struct PrometheusTests {
    @Test func countersAndGauges() {
        let registry = PrometheusRegistry()
        registry.describe("chorus.test", "What\nis \\ counted.")
        let counter = Counter(label: "chorus.test", dimensions: [("code", "a\"b\\c\nd")], factory: registry)
        counter.increment(by: 2)
        Counter(label: "chorus.test", dimensions: [("code", "a\"b\\c\nd")], factory: registry).increment()
        Meter(label: "chorus-level", factory: registry).set(1.5)
        FloatingPointCounter(label: "chorus_seconds", factory: registry).increment(by: 0.25)
        let text = registry.exposition()
        #expect(
            text.contains(
                """
                # HELP chorus_test_total What\\nis \\\\ counted.
                # TYPE chorus_test_total counter
                chorus_test_total{code="a\\"b\\\\c\\nd"} 3

                """))
        #expect(text.contains("# TYPE chorus_level gauge\nchorus_level 1.5\n"))
        #expect(text.contains("chorus_seconds_total 0.25\n"))
        #expect(text.hasSuffix("chorus_metrics_series_refused_total 0\n"))
    }

    @Test func histograms() {
        let registry = PrometheusRegistry()
        let timer = Timer(label: "chorus_wait", dimensions: [("route", "/x")], factory: registry)
        timer.recordMilliseconds(3)
        timer.recordMilliseconds(3)
        timer.recordSeconds(60)
        let lines = registry.exposition().split(separator: "\n").map(String.init)
        #expect(lines.contains("# TYPE chorus_wait_seconds histogram"))
        for (bound, count) in [("0.0025", 0), ("0.005", 2), ("10", 2), ("+Inf", 3)] {
            #expect(lines.contains(#"chorus_wait_seconds_bucket{route="/x",le="\#(bound)"} \#(count)"#))
        }
        for value in [#"sum{route="/x"} 60.006"#, #"count{route="/x"} 3"#] {
            #expect(lines.contains("chorus_wait_seconds_" + value))
        }
    }

    @Test func bucketBoundsBelongToTheBucket() {
        let cell = HistogramCell(bounds: [1, 2])
        for value in [1.0, 1.5, 2, 3] { cell.record(value) }
        #expect(cell.samples.map(\.value) == ["1", "3", "4", "7.5", "4"], "buckets are cumulative, then sum and count")
    }

    @Test func observedValuesAreReadAtExposition() {
        let registry = PrometheusRegistry()
        let cell = GaugeCell()
        registry.gauge("chorus_now", "Now.") { cell.value }
        cell.set(7.0)
        #expect(registry.exposition().contains("# HELP chorus_now Now.\n# TYPE chorus_now gauge\nchorus_now 7\n"))
    }

    @Test func observedDurationsAreAHistogramOfSeconds() {
        let registry = PrometheusRegistry()
        var durations = DurationHistogram()
        for nanoseconds: UInt64 in [9_000, 1_100_000, 2_000_000, 200_000_000_000] {
            durations.record(nanoseconds: nanoseconds)
        }
        let all = durations
        registry.histogram("chorus_hop_duration", "A hop.") { all }
        let lines = registry.exposition().split(separator: "\n").map(String.init)
        #expect(lines.contains("# TYPE chorus_hop_duration_seconds histogram"))
        for (bound, count) in [("1e-05", 1), ("0.001", 1), ("0.0022", 3), ("100", 3), ("+Inf", 4)] {
            #expect(lines.contains("chorus_hop_duration_seconds_bucket{le=\"\(bound)\"} \(count)"), "\(bound)")
        }
        #expect(lines.contains("chorus_hop_duration_seconds_count 4"))
    }

    @Test func valuesAreReadByTheirNames() {
        let registry = PrometheusRegistry()
        for (code, count) in [("a", 2), ("b", 3)] {
            Counter(label: "chorus_x", dimensions: [("code", code)], factory: registry).increment(by: count)
        }
        #expect(registry.values(of: "chorus_x_total")?.sorted() == [2, 3])
        #expect(registry.values(of: "chorus_y") == nil)
    }

    @Test func seriesAreBounded() {
        let registry = PrometheusRegistry(seriesMax: 3)
        for number in 0..<10 {
            Counter(label: "many", dimensions: [("n", "\(number)")], factory: registry).increment()
        }
        let text = registry.exposition()
        #expect(text.split(separator: "\n").count { $0.hasPrefix("many_total") } == 3)
        #expect(text.contains("chorus_metrics_series_refused_total 7\n"))
    }

    @Test func oneNameOneKind() {
        let registry = PrometheusRegistry()
        Meter(label: "x_total", factory: registry).set(1)
        Counter(label: "x", factory: registry).increment()
        #expect(registry.exposition().split(separator: "\n").count { $0.hasPrefix("# TYPE x_total") } == 1)
        #expect(registry.exposition().contains("chorus_metrics_series_refused_total 1\n"))
    }

    @Test(arguments: [("a.b-c d", "a_b_c_d"), ("9x", "_9x"), ("", "_"), ("é", "_"), ("a:b", "a:b")])
    func names(label: String, name: String) {
        #expect(MetricName.sanitized(label) == name)
    }

    @Test(
        arguments: [
            (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"), (1e15, "1000000000000000"), (0.1, "0.1"),
        ] as [(Double, String)])
    func numbers(number: Double, text: String) {
        #expect(MetricName.number(number) == text)
    }

    @Test func processMetrics() {
        #expect(ProcessMetrics.residentBytes() > 1_000_000)
        #expect(ProcessMetrics.openDescriptors() >= 3)
        #expect(ProcessMetrics.cpuSeconds() > 0)
    }
}
