import Audience

extension Calibration: ComparableReport {
    static let kind = "calibration"

    var figures: [(metric: Comparison.Metric, value: Double)] {
        costs.filter { !$0.name.hasPrefix("Reader's load") }.map { cost in
            (Comparison.Metric(name: cost.name, unit: cost.unit, floor: 0), cost.value)
        }
    }

    var circumstances: [(name: String, value: String)] { Circumstances.of(command, software, machine) }
    var trouble: String? { nil }
}
