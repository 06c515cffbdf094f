import Audience
import Placement

extension ScaleReport: ComparableReport {
    static let kind = "scale"

    /// Of each case.
    var figures: [(metric: Comparison.Metric, value: Double)] {
        cases.flatMap { result -> [(metric: Comparison.Metric, value: Double)] in
            func figure(_ name: String, _ unit: String, _ floor: Double, _ value: Double, strict: Bool = false) -> (
                metric: Comparison.Metric, value: Double
            ) {
                (
                    Comparison.Metric(name: "\(result.name): \(name)", unit: unit, floor: floor, isStrict: strict),
                    value
                )
            }
            var figures = [
                figure("faults", "", 0, Double(result.faults.count), strict: true),
                figure("subscriptions", "", 50, Double(result.subscribing.subscriptions)),
                figure("Redis deliveries for one comment", "", 0.05, result.weightedAmplification),
                figure("viewers of the fullest Reader, times the mean", "", 0.02, result.viewersMaxOverMean),
                figure("seconds to subscribe", "s", 1, result.subscribing.seconds),
                figure("Redis bytes a subscription", "bytes", 10, result.bytesPerSubscription),
                figure("memory of all processes", "MiB", 32, Double(result.memoryBytes) / Double(1 << 20)),
            ]
            if let burst = result.burst {
                figures.append(figure("Redis's CPU a comment", "µs", 0.1, burst.microsecondsPerPublish))
                var rate = figure("comments a second that Redis takes", "", 1_000, burst.perSecond)
                rate.metric.isGain = true
                figures.append(rate)
            }
            return figures
        }
    }

    var circumstances: [(name: String, value: String)] { Circumstances.of(command, software, machine) }

    var trouble: String? { verdict.status == .fine ? nil : verdict.reason }
}
