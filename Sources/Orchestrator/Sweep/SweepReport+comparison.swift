import Audience
import Placement

extension SweepReport: ComparableReport {
    static let kind = "sweep"

    /// Of each cell.
    var figures: [(metric: Comparison.Metric, value: Double)] {
        cells.flatMap { result in
            let wrong = Double(result.lost + result.misplaced)
            let all: [(String, String, Double, Bool, Double?)] = [
                ("lost or misplaced", "", 0, true, wrong),
                ("share of the channels on a Reader", "%", 1, false, result.measured.spread * 100),
                ("weighted amplification", "", 0.05, false, result.measured.weightedAmplification),
                ("viewers of the fullest Reader, times the mean", "", 0.05, false, result.measured.viewersMaxOverMean),
                ("latency p50", "ms", 1, false, result.latency.p50),
                ("latency p99", "ms", 2, false, result.latency.p99),
                ("Readers' CPU", "s", 0.2, false, result.readersCPUSeconds),
            ]
            return all.compactMap { name, unit, floor, isStrict, value in
                let metric = Comparison.Metric(
                    name: "\(result.cell.name): \(name)", unit: unit, floor: floor, isStrict: isStrict)
                return value.map { (metric, $0) }
            }
        }
    }

    var circumstances: [(name: String, value: String)] {
        Circumstances.of(command, software, machine) + [("the number of measured cells", "\(cells.count)")]
    }

    var trouble: String? { verdict.status == .fine ? nil : verdict.reason }
}
