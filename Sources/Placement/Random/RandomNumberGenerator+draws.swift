internal import Glibc

/// Draws whose use of the random bits is written down here, and so stays the same in every release of the toolchain.
extension RandomNumberGenerator {
    /// A whole number in `0..<bound`, without bias (D. Lemire, "Fast Random Integer Generation in an Interval",
    /// ACM TOMACS 29(1), 2019). `bound` below 1 counts as 1.
    @inlinable
    public mutating func below(_ bound: Int) -> Int {
        let range = UInt64(Swift.max(bound, 1))
        var product = next().multipliedFullWidth(by: range)
        if product.low < range {
            let threshold = (0 &- range) % range
            while product.low < threshold { product = next().multipliedFullWidth(by: range) }
        }
        return Int(product.high)
    }

    /// A whole number in `range`, both ends included.
    @inlinable
    public mutating func within(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.upperBound - range.lowerBound + 1)
    }

    /// A number in `0..<1` with 53 random bits.
    @inlinable
    public mutating func unit() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// An exponentially distributed number with this mean: the time between two events of a Poisson process.
    public mutating func exponential(mean: Double) -> Double {
        -mean * log1p(-unit())
    }

    /// Puts `elements` into a random order; every order is equally likely (Fisher and Yates, in Durstenfeld's form).
    @inlinable
    public mutating func permute<Element>(_ elements: inout [Element]) {
        var last = elements.count - 1
        while last > 0 {
            elements.swapAt(last, below(last + 1))
            last -= 1
        }
    }
}
