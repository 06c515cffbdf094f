public import CoreMetrics
import Primitives
public import Wire

/// The backend of swift-metrics: all metrics of a process, as Prometheus text (exposition format 0.0.4).
///
/// Counters become `…_total`, timers histograms of `…_seconds`, aggregating recorders histograms, meters and the other
/// recorders gauges. Dots and dashes of labels become `_`. The number of series is bounded: a handle beyond it works and is
/// not exposed, and `chorus_metrics_series_refused_total` counts it. Handles live as long as the process: destroying one does
/// nothing. (swift-prometheus has neither the bound nor metrics that are read when they are exposed.)
public final class PrometheusRegistry: MetricsFactory, Sendable {
    struct State {
        var families: [String: MetricFamily] = [:]
        var help: [String: String] = [:]
        var series = 0
        var refused: Int64 = 0
    }

    /// Series (names with their labels) that are kept at most.
    public let seriesMax: Int
    private let state = Mutex(State())

    public init(seriesMax: Int = 5_000) {
        self.seriesMax = seriesMax
    }

    /// Sets the HELP line of a metric; `label` as for its handle.
    public func describe(_ label: String, _ help: String) {
        let name = MetricName.sanitized(label)
        state.withLock { $0.help[name] = help }
    }

    /// A gauge whose value is read when the metrics are exposed.
    public func gauge(
        _ label: String, _ help: String, dimensions: [(String, String)] = [], read: @escaping @Sendable () -> Double
    ) {
        describe(label, help)
        _ = register(label, .gauge, dimensions) { ObservedCell(read: read) }
    }

    /// A counter whose value is read when the metrics are exposed.
    public func counter(
        _ label: String, _ help: String, dimensions: [(String, String)] = [], read: @escaping @Sendable () -> Double
    ) {
        describe(label, help)
        _ = register(label, .counter, dimensions) { ObservedCell(read: read) }
    }

    /// A histogram of durations that is read when the metrics are exposed.
    public func histogram(_ label: String, _ help: String, read: @escaping @Sendable () -> DurationHistogram) {
        describe(label, help)
        _ = register(label, .timer, []) { ObservedHistogramCell(read: read) }
    }

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        register(label, .counter, dimensions) { CounterCell() }
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        register(label, .counter, dimensions) { GaugeCell() }
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        register(label, .gauge, dimensions) { GaugeCell() }
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else { return register(label, .gauge, dimensions) { GaugeCell() } }
        return register(label, .histogram, dimensions) { HistogramCell(bounds: HistogramCell.amounts) }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        register(label, .timer, dimensions) { HistogramCell(bounds: HistogramCell.seconds) }
    }

    public func destroyCounter(_: any CounterHandler) {}
    public func destroyFloatingPointCounter(_: any FloatingPointCounterHandler) {}
    public func destroyMeter(_: any MeterHandler) {}
    public func destroyRecorder(_: any RecorderHandler) {}
    public func destroyTimer(_: any TimerHandler) {}

    /// The values of all series of a counter or gauge, by its name as it is exposed; `nil` when there is none.
    public func values(of name: String) -> [Double]? {
        let series = state.withLock { $0.families[name]?.series.values.map { $0 } }
        return series?.compactMap { $0.samples.first.flatMap { Double($0.value) } }
    }

    /// Everything, as `text/plain; version=0.0.4`.
    public func exposition() -> String {
        // The values are read outside of the lock: an observed one may take other locks.
        let (families, refused) = state.withLock { state in
            let named = state.families.map { family in
                var family = family.value
                family.help = state.help[family.label] ?? family.help
                return family
            }
            return (named, state.refused)
        }
        var text = families.sorted { $0.name < $1.name }.map { $0.exposition() }.joined()
        var lost = MetricFamily(
            label: "", name: "chorus_metrics_series_refused_total", kind: .counter, help: "Series beyond the limit.")
        lost.series[""] = ObservedCell { Double(refused) }
        text += lost.exposition()
        return text
    }

    /// The series of that name and those labels; one that is not exposed when there is no room or the name is of another
    /// kind already.
    private func register<Cell: MetricCell>(
        _ label: String, _ kind: MetricKind, _ dimensions: [(String, String)], make: () -> Cell
    ) -> Cell {
        let label = MetricName.sanitized(label)
        let name = kind.name(label)
        let labels = MetricName.labels(dimensions)
        return state.withLock { state in
            var family = state.families[name] ?? MetricFamily(label: label, name: name, kind: kind, help: label)
            if family.kind == kind, let known = family.series[labels] as? Cell { return known }
            let cell = make()
            guard family.kind == kind, family.series[labels] == nil, state.series < seriesMax else {
                state.refused += 1
                return cell
            }
            family.series[labels] = cell
            state.families[name] = family
            state.series += 1
            return cell
        }
    }
}
