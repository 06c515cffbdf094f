package import CoreMetrics
package import Placement
internal import Primitives
package import ServiceRuntime

/// What placement counts.
package struct PlacementMetrics: Sendable {
    private let duration: CoreMetrics.Timer
    private let served: [String: Counter]
    private let redirects: [String: Counter]
    private let refused: [String: Counter]
    private let avoidedCounter: Counter

    /// Served because the other Readers are not known.
    package static let noView = "no_view"

    package init(factory: any MetricsFactory) {
        let registry = factory as? PrometheusRegistry
        registry?.describe("chorus_placement_duration", "Time to find a viewer's place, in the connect.")
        registry?.describe("chorus_placement_redirects", "Viewers sent to another Reader, by reason.")
        registry?.describe("chorus_placement_served", "Viewers served here, by reason.")
        registry?.describe("chorus_placement_refused", "Viewers that no Reader takes, by reason.")
        func counters(_ label: String, _ reasons: [String]) -> [String: Counter] {
            Dictionary(
                uniqueKeysWithValues: reasons.map {
                    ($0, Counter(label: label, dimensions: [("reason", $0)], factory: factory))
                })
        }
        duration = CoreMetrics.Timer(label: "chorus_placement_duration", factory: factory)
        served = counters(
            "chorus_placement_served", PlacementDecision.ServeReason.allCases.map(\.rawValue) + [Self.noView])
        refused = counters("chorus_placement_refused", PlacementDecision.RefuseReason.allCases.map(\.rawValue))
        registry?.describe(
            "chorus_placement_avoided", "Viewers who could not reach the Reader that they were sent to.")
        avoidedCounter = Counter(label: "chorus_placement_avoided", factory: factory)
        redirects = counters("chorus_placement_redirects", RedirectReason.allCases.map(\.rawValue))
    }

    package func took(_ time: Duration) { duration.recordNanoseconds(Int64(clamping: time.nanoseconds)) }

    package func avoided() { avoidedCounter.increment() }

    package func redirected(_ reason: RedirectReason) { redirects[reason.rawValue]?.increment() }

    package func count(_ answer: PlacementService.Answer) -> PlacementService.Answer {
        switch answer {
        case .serve(let reason): served[reason]?.increment()
        case .refuse(let reason): refused[reason.rawValue]?.increment()
        case .redirect: break
        }
        return answer
    }

    /// Numbers of the registry, read when somebody asks.
    package static func register(_ placement: PlacementService, in registry: PrometheusRegistry) {
        registry.gauge("chorus_placement_view_age_seconds", "Time since the Readers were last read.") {
            placement.viewAge
        }
        registry.gauge("chorus_registry_readers", "Readers that are announced.") { Double(placement.knownReaders) }
        registry.gauge("chorus_registry_garbage_entries", "Entries of the registry that are no announcements.") {
            Double(placement.garbageEntries)
        }
        registry.counter("chorus_registry_failures", "Announcements that failed.") {
            Double(placement.registryFailures)
        }
        registry.gauge("chorus_registry_conflict", "1 while another Reader has the same id.") {
            placement.hasConflict ? 1 : 0
        }
    }
}
