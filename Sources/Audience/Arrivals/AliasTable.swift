internal import Placement

/// Draws an index in proportion to weights, in constant time.
///
/// A. Walker, ACM TOMS 3(3), 1977; built in linear time as by M. Vose, IEEE Transactions on Software Engineering 17(9),
/// 1991. 12 bytes a channel.
public struct AliasTable: Sendable {
    private var keep: [Double]
    private var alias: [Int32]

    /// - Parameter weights: none negative, at least one above 0; at most 2³¹-1 of them. `nil` otherwise.
    public init?(weights: [Double]) {
        let sum = weights.reduce(0, +)
        guard sum > 0, sum.isFinite, weights.count <= Int(Int32.max), weights.allSatisfy({ $0 >= 0 }) else {
            return nil
        }
        keep = weights.map { $0 * Double(weights.count) / sum }
        alias = weights.indices.map { Int32($0) }
        pair(weights)
    }

    /// Fills each column that is too low from one that is too high.
    private mutating func pair(_ weights: [Double]) {
        var low = keep.indices.filter { keep[$0] < 1 }
        var high = keep.indices.filter { keep[$0] >= 1 }
        while let large = high.last, let small = low.popLast() {
            high.removeLast()
            alias[small] = Int32(large)
            keep[large] -= 1 - keep[small]
            if keep[large] < 1 { low.append(large) } else { high.append(large) }
        }
        // What rounding left over is a full column; one without weight points to the heaviest instead.
        let heaviest = weights.indices.max { weights[$0] < weights[$1] } ?? 0
        for column in low + high {
            keep[column] = weights[column] > 0 ? 1 : 0
            alias[column] = Int32(weights[column] > 0 ? column : heaviest)
        }
    }

    public var count: Int { keep.count }

    /// An index in `0..<count`.
    public func draw(using draws: inout some RandomNumberGenerator) -> Int {
        let column = draws.below(keep.count)
        return draws.unit() < keep[column] ? column : Int(alias[column])
    }
}
