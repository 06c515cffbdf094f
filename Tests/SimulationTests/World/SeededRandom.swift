import Placement

/// One for a schedule decides everything.
struct SeededRandom: RandomNumberGenerator {
    private var generator: SplitMix64

    init(seed: UInt64) { generator = SplitMix64(seed: seed &* 0x9E37_79B9_7F4A_7C15 &+ 0x1234_5678) }

    mutating func next() -> UInt64 { generator.next() }

    /// `true` in so many of a thousand cases.
    mutating func chance(_ perMille: Int) -> Bool { next() % 1000 < UInt64(perMille) }

    mutating func index(below count: Int) -> Int { Int(next() % UInt64(max(count, 1))) }

    mutating func number(_ range: ClosedRange<Int>) -> Int { range.lowerBound + index(below: range.count) }

    /// A time between two numbers of microseconds, in nanoseconds.
    mutating func micros(_ range: ClosedRange<Int>) -> UInt64 { UInt64(number(range)) * 1000 }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[index(below: elements.count)] }
}
