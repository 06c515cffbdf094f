import Options

/// Numbers of Readers: `5`, `3,5,10`, `3..100`, and mixtures such as `1..5,10,20`; ascending, none twice.
func readerNumbers(max most: Int = 1_000) -> Transform<[Int]> {
    reads("numbers and ranges from 1 to \(most), for instance 3..100 or 3,5,10", else: []) { text in
        var numbers: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let range = range(part), range.upperBound <= most else { return nil }
            numbers.formUnion(range)
        }
        return numbers.sorted()
    }
}

private func range(_ part: Substring) -> ClosedRange<Int>? {
    let dots = part.firstRange(of: "..")
    let low = Int(part[..<(dots?.lowerBound ?? part.endIndex)])
    let high = dots.map { Int(part[$0.upperBound...]) } ?? low
    guard let low, let high, 1 <= low, low <= high else { return nil }
    return low...high
}

/// Whole numbers of a range, separated by commas; ascending, none twice.
func wholeNumbers(_ range: ClosedRange<Int>, countMax: Int = 32) -> Transform<[Int]> {
    reads(
        "1 to \(countMax) whole numbers from \(range.lowerBound) to \(range.upperBound), separated by commas,"
            + " for instance 10,100",
        else: []
    ) { text in
        let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        guard numbers.count <= countMax, numbers.allSatisfy({ $0.map(range.contains) ?? false }) else { return nil }
        return Set(numbers.compactMap { $0 }).sorted()
    }
}
