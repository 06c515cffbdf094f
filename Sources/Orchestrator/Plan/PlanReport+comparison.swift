import Placement

extension PlanReport: ComparableReport {
    static let kind = "plan"

    var figures: [(metric: Comparison.Metric, value: Double)] {
        answers.flatMap { answer in
            let numbers = [("Readers", answer.readers), ("Redis nodes", answer.redisNodes)]
            // No number suffices: worse than every number.
            return numbers.map { name, number in
                (
                    Comparison.Metric(name: "\(answer.placement.rawValue): \(name)", unit: "", floor: 0),
                    Double(number ?? Planner.readersMax + 1)
                )
            }
        }
    }

    var circumstances: [(name: String, value: String)] {
        Circumstances.of(command, software, calibration.machine) + [("the calibration", calibration.finishedAt)]
    }

    var trouble: String? { nil }
}
