/// Whole viewers for weights, exactly as many as there are.
///
/// Largest remainder (Hamilton's method): everybody gets the whole part of the quota, and the largest fractions one more;
/// equal fractions go to the earlier channel. With a minimum, channels whose quota is below it get the minimum, and
/// the rest is shared out anew among the others.
enum Apportionment {
    /// Numbers with the sum `total`; none below `minimum` when `total` suffices for that, else the minimum is 0.
    static func share(_ total: Int, weights: [Double], minimum: Int = 0) -> [Int] {
        guard !weights.isEmpty, total > 0 else { return weights.map { _ in 0 } }
        let minimum = total / weights.count >= minimum ? minimum : 0
        var open = Array(weights.indices)
        var left = total
        var shares = [Int](repeating: minimum, count: weights.count)
        while true {
            let perWeight = Double(left) / positive(open.reduce(0) { $0 + weights[$1] })
            let below = open.filter { weights[$0] * perWeight < Double(minimum) }
            if below.isEmpty { break }
            left -= below.count * minimum
            open.removeAll { weights[$0] * perWeight < Double(minimum) }
        }
        for (index, share) in zip(open, largestRemainder(left, weights: open.map { weights[$0] })) {
            shares[index] = share
        }
        return shares
    }

    private static func largestRemainder(_ total: Int, weights: [Double]) -> [Int] {
        let perWeight = Double(total) / positive(weights.reduce(0, +))
        let quotas = weights.map { $0 * perWeight }
        var shares = quotas.map { Int($0) }
        var left = total - shares.reduce(0, +)
        let order = quotas.indices.sorted { first, second in
            let (one, other) = (quotas[first] - Double(shares[first]), quotas[second] - Double(shares[second]))
            return one == other ? first < second : one > other
        }
        // Rounding can make the whole parts one too many in all; then the smallest fractions give it back.
        for index in order.reversed() where left < 0 && shares[index] > 0 {
            shares[index] -= 1
            left += 1
        }
        for index in order where left > 0 {
            shares[index] += 1
            left -= 1
        }
        return shares
    }

    private static func positive(_ sum: Double) -> Double { sum > 0 ? sum : 1 }
}
