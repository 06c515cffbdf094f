import Audience
import Placement
import Report

/// Reads arguments and gathers what is wrong with them.
struct ArgumentCheck {
    var problems: [String] = []

    mutating func refuse(_ problem: String) {
        problems.append(problem)
    }

    /// Leaves `value` as it is when `text` is `nil` or no whole number of `range`.
    mutating func read(_ name: String, _ text: String?, _ range: ClosedRange<Int>, into value: inout Int) {
        guard let text else { return }
        guard let number = Int(text), range.contains(number) else {
            return refuse("\(name) \(text): must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        value = number
    }

    /// Leaves `value` as it is when `text` is `nil` or no number of `range`.
    mutating func read(_ name: String, _ text: String?, _ range: ClosedRange<Double>, into value: inout Double) {
        guard let text else { return }
        guard let number = Double(text), range.contains(number) else {
            let bounds = "\(Format.plain(range.lowerBound)) to \(Format.plain(range.upperBound))"
            return refuse("\(name) \(text): must be a number from \(bounds)")
        }
        value = number
    }

    mutating func readSeed(_ name: String, _ text: String?, into value: inout UInt64) {
        guard let text else { return }
        guard let number = UInt64(text) else {
            return refuse("\(name) \(text): must be a whole number from 0 to \(UInt64.max)")
        }
        value = number
    }

    /// Leaves `value` as it is when `text` is `nil` or `parse` refuses it.
    mutating func read<Value>(
        _ name: String, _ text: String?, with parse: (String) throws(InvalidParameter) -> Value, into value: inout Value
    ) {
        guard let text else { return }
        do {
            value = try parse(text)
        } catch {
            refuse("\(name) \(text): must be \(error.expected)")
        }
    }
}
