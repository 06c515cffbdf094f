/// Costs from sums of costs: the x of A·x ≈ b that are not negative, by coordinate descent.
///
/// A cost below zero would be noise, and would make others too large. The sum of squares is convex, and each step takes one
/// x to its best value while the others stay, so the sum falls until nothing changes (Franc, Hlaváč, Navara, "Sequential
/// Coordinate-Wise Algorithm for the Non-negative Least Squares Problem", CAIP 2005).
enum LeastSquares {
    private static let roundsMax = 50_000

    /// - Parameters:
    ///   - rows: of A, all as long.
    ///   - targets: b, as many as rows.
    static func nonNegative(rows: [[Double]], targets: [Double]) -> [Double] {
        let count = rows.first?.count ?? 0
        // Columns of one length: else the small ones take for ever.
        let lengths = (0..<count).map { column in
            rows.reduce(0) { $0 + $1[column] * $1[column] }.squareRoot()
        }
        let columns = (0..<count).map { column in rows.map { lengths[column] > 0 ? $0[column] / lengths[column] : 0 } }
        var solution = [Double](repeating: 0, count: count)
        var rest = targets
        for _ in 0..<roundsMax {
            var change = 0.0
            for column in 0..<count where lengths[column] > 0 {
                let step = zip(columns[column], rest).reduce(0) { $0 + $1.0 * $1.1 }
                let next = max(0, solution[column] + step)
                let moved = next - solution[column]
                guard moved != 0 else { continue }
                for row in rest.indices { rest[row] -= moved * columns[column][row] }
                solution[column] = next
                change = max(change, abs(moved))
            }
            if change < 1e-12 { break }
        }
        return zip(solution, lengths).map { $1 > 0 ? $0 / $1 : 0 }
    }
}
