import Audience
import Placement

/// Numbers of Readers, as `--readers` of `predict` names them.
struct ReaderRange: Equatable, Sendable {
    static let readersMax = 1_000

    /// Ascending, none twice.
    let numbers: [Int]

    /// Reads `5`, `3,5,10`, `3..100`, and mixtures such as `1..5,10,20`; each from 1 to ``readersMax``.
    static func parse(_ text: String, max most: Int) throws(InvalidParameter) -> ReaderRange {
        var numbers: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let range = range(String(part)), range.upperBound <= most else {
                throw InvalidParameter(
                    name: "readers", value: text,
                    expected: "numbers and ranges from 1 to \(most), for instance 3..100 or 3,5,10")
            }
            numbers.formUnion(range)
        }
        return ReaderRange(numbers: numbers.sorted())
    }

    static func parse(_ text: String) throws(InvalidParameter) -> ReaderRange { try parse(text, max: readersMax) }

    private static func range(_ part: String) -> ClosedRange<Int>? {
        guard let dots = part.firstRange(of: "..") else { return Int(part).flatMap { whole($0, $0) } }
        guard let low = Int(part[..<dots.lowerBound]), let high = Int(part[dots.upperBound...]) else { return nil }
        return whole(low, high)
    }

    private static func whole(_ low: Int, _ high: Int) -> ClosedRange<Int>? {
        low >= 1 && low <= high && high <= readersMax ? low...high : nil
    }
}

extension ReaderRange: CustomStringConvertible {
    /// The shortest text that ``parse(_:)`` reads as the same numbers.
    var description: String {
        let isRange = numbers.count > 2 && numbers == Array(numbers[0]...numbers[numbers.count - 1])
        return isRange
            ? "\(numbers[0])..\(numbers[numbers.count - 1])" : numbers.map(String.init).joined(separator: ",")
    }
}

/// Whole numbers separated by commas, as `--streams` and `--viewers` of `sweep` name them.
struct NumberList: Equatable, Sendable, CustomStringConvertible {
    static let numbersMax = 32

    /// Ascending, none twice.
    let numbers: [Int]

    var description: String { numbers.map(String.init).joined(separator: ",") }

    static func parse(_ text: String, in range: ClosedRange<Int>) throws(InvalidParameter) -> NumberList {
        let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        guard numbers.count <= numbersMax, numbers.allSatisfy({ $0.map(range.contains) ?? false }) else {
            throw InvalidParameter(
                name: "numbers", value: text,
                expected:
                    "1 to \(numbersMax) whole numbers from \(range.lowerBound) to \(range.upperBound), separated by"
                    + " commas, for instance 10,100")
        }
        return NumberList(numbers: Set(numbers.compactMap { $0 }).sorted())
    }
}
