public import CoreMetrics
import Synchronization

/// Holds every metric of a process and writes them as Prometheus text (exposition format 0.0.4).
///
/// The backend of swift-metrics: counters become `…_total`, timers histograms of `…_seconds`, aggregating recorders
/// histograms, meters and the other recorders gauges. Dots and dashes of labels become `_`. The number of series is bounded: a
/// handle beyond it works and counts nowhere, and `chorus_metrics_series_refused_total` tells. Handles live as long as the
/// process; destroying one is not supported and does nothing.
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

    /// Gives a metric, named as its handle was made, the sentence of its HELP line.
    public func describe(_ label: String, _ help: String) {
        let name = MetricName.sanitized(label)
        state.withLock { $0.help[name] = help }
    }

    /// A gauge that is asked for its value when somebody reads the metrics.
    public func gauge(
        _ label: String, _ help: String, dimensions: [(String, String)] = [], read: @escaping @Sendable () -> Double
    ) {
        describe(label, help)
        _ = register(label, .gauge, dimensions) { MetricSeries.observed(read) }
    }

    /// A counter that is asked for its value when somebody reads the metrics.
    public func counter(
        _ label: String, _ help: String, dimensions: [(String, String)] = [], read: @escaping @Sendable () -> Double
    ) {
        describe(label, help)
        _ = register(label, .counter, dimensions) { MetricSeries.observed(read) }
    }

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        let series = register(label, .counter, dimensions) { .counter(CounterCell()) }
        if case .counter(let cell) = series { return cell }
        return CounterCell()
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        let series = register(label, .counter, dimensions) { .gauge(GaugeCell()) }
        if case .gauge(let cell) = series { return cell }
        return GaugeCell()
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        makeGauge(label, dimensions)
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else { return makeGauge(label, dimensions) }
        return makeHistogram(label, .histogram, dimensions, bounds: HistogramCell.amounts)
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        makeHistogram(label, .timer, dimensions, bounds: HistogramCell.seconds)
    }

    public func destroyCounter(_: any CounterHandler) {}
    public func destroyFloatingPointCounter(_: any FloatingPointCounterHandler) {}
    public func destroyMeter(_: any MeterHandler) {}
    public func destroyRecorder(_: any RecorderHandler) {}
    public func destroyTimer(_: any TimerHandler) {}

    /// Everything, as `text/plain; version=0.0.4`.
    public func exposition() -> String {
        // The values are read outside of the lock: an observed one may take locks of its own.
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
            label: "", name: "chorus_metrics_series_refused_total", kind: .counter, help: "Series that did not fit.")
        lost.series[""] = .observed { Double(refused) }
        text += lost.exposition()
        return text
    }

    private func makeGauge(_ label: String, _ dimensions: [(String, String)]) -> GaugeCell {
        let series = register(label, .gauge, dimensions) { .gauge(GaugeCell()) }
        if case .gauge(let cell) = series { return cell }
        return GaugeCell()
    }

    private func makeHistogram(
        _ label: String, _ kind: MetricKind, _ dimensions: [(String, String)], bounds: [Double]
    ) -> HistogramCell {
        let series = register(label, kind, dimensions) { .histogram(HistogramCell(bounds: bounds)) }
        if case .histogram(let cell) = series { return cell }
        return HistogramCell(bounds: bounds)
    }

    /// The series of that name and those labels; `nil` when there is no room or the name already means another kind.
    private func register(
        _ label: String, _ kind: MetricKind, _ dimensions: [(String, String)], make: () -> MetricSeries
    ) -> MetricSeries? {
        let label = MetricName.sanitized(label)
        let name = kind.name(label)
        let labels = MetricName.labels(dimensions)
        return state.withLock { state in
            var family = state.families[name] ?? MetricFamily(label: label, name: name, kind: kind, help: label)
            if let known = family.series[labels], family.kind == kind { return known }
            guard family.kind == kind, state.series < seriesMax else {
                state.refused += 1
                return nil
            }
            let series = make()
            family.series[labels] = series
            state.families[name] = family
            state.series += 1
            return series
        }
    }
}
