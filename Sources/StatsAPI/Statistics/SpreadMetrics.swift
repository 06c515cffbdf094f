import Placement
import Primitives
import ServiceRuntime
import Wire

/// The spread, for Prometheus. Computed when somebody asks, once for all the series of a scrape.
final class SpreadMetrics: Sendable {
    private struct Figures {
        var spread = Statistics.SubscriptionSpread(channels: 0, subscriptions: 0, readers: [])
        var deviation: Double?
        var placements: [String: Int] = [:]
    }

    private static let maxAge = Duration.milliseconds(500)
    /// Of Readers that do not say how they place.
    private static let unknown = "unknown"

    private let service: StatisticsService
    private let known = Mutex<(at: ContinuousClock.Instant, figures: Figures)?>(nil)

    private init(service: StatisticsService) { self.service = service }

    static func register(_ service: StatisticsService, in registry: PrometheusRegistry) {
        let metrics = SpreadMetrics(service: service)
        func gauge(_ name: String, _ help: String, _ value: @escaping @Sendable (Figures) -> Double?) {
            registry.gauge("chorus_spread_" + name, help) { value(metrics.figures) ?? .nan }
        }
        gauge("channels", "Channels with at least one subscription.") { Double($0.spread.channels) }
        gauge("subscriptions", "Subscriptions of all Readers.") { Double($0.spread.subscriptions) }
        gauge("measured_ratio", "Mean part of the Readers that a channel reaches.") { $0.spread.meanShare }
        gauge("predicted_ratio", "What random placement of as many viewers leads to.") { $0.spread.predictedShare }
        gauge("residual_ratio", "Measured less predicted.") { figures in
            figures.spread.meanShare.flatMap { measured in figures.spread.predictedShare.map { measured - $0 } }
        }
        gauge("residual_interval_ratio", "Half the width of the residual's 95% interval under random placement.") {
            $0.deviation.map { 1.96 * $0 }
        }
        gauge("amplification_ratio", "Subscriptions for each channel.") { $0.spread.amplification }
        gauge("weighted_amplification_ratio", "The same, each channel weighted by its comments.") {
            $0.spread.weightedAmplification
        }
        gauge("wasted_ratio", "1 - 1/amplification.") { $0.spread.wastedShare }
        for placement in PlacementStrategy.allCases.map(\.rawValue) + [unknown] {
            registry.gauge(
                "chorus_spread_readers", "Readers that report, by how they place viewers.",
                dimensions: [("placement", placement)]
            ) { Double(metrics.figures.placements[placement] ?? 0) }
        }
    }

    private var figures: Figures {
        known.withLock { known in
            if let known, ContinuousClock.now - known.at < Self.maxAge { return known.figures }
            let figures = service.withAggregate { aggregate, now -> Figures in
                aggregate.expire(at: now)
                let counts = SubscriptionCounts(aggregate)
                var figures = Figures()
                figures.spread = aggregate.spread(counts: counts, redis: nil, listMax: 0)
                figures.deviation = RandomPlacement(aggregate.channels, readers: aggregate.readers.count)?.deviation
                for record in aggregate.readers.values {
                    let strategy = record.report.placement.flatMap { PlacementStrategy(rawValue: $0) }
                    figures.placements[strategy?.rawValue ?? Self.unknown, default: 0] += 1
                }
                return figures
            }
            known = (.now, figures)
            return figures
        }
    }
}
