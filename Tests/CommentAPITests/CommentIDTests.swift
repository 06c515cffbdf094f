import Testing
import Wire

@testable import CommentAPI

@Suite struct CommentIDTests {
    private struct Constant: RandomNumberGenerator {
        var number: UInt64
        mutating func next() -> UInt64 { number }
    }

    @Test func layout() {
        var sequence = CommentIDSequence()
        var zero = Constant(number: 0)
        // The example of the ULID specification: 01ARYZ6S41 is 2016-07-30T22:36:16.385Z.
        #expect(sequence.next(now: 1_469_918_176_385, using: &zero) == "01ARYZ6S410000000000000000")
        #expect(sequence.next(now: 1_469_918_176_385, using: &zero) == "01ARYZ6S410000000000000001")
    }

    @Test func everyBitCounts() {
        var sequence = CommentIDSequence()
        var full = Constant(number: .max)
        #expect(sequence.next(now: (1 << 48) - 1, using: &full) == "7ZZZZZZZZZFZZZZZZZZZZZZZZZ")
        #expect(sequence.next(now: (1 << 48) - 1, using: &full) == "7ZZZZZZZZZG000000000000000")
    }

    @Test func idsRiseWhateverTheClockDoes() {
        var sequence = CommentIDSequence()
        var random = SystemRandomNumberGenerator()
        var last = ""
        for now in [5, 5, 5, 9, 3, 3, 10, 0, 11].map({ UInt64($0) + 1_700_000_000_000 }) {
            let id = sequence.next(now: now, using: &random)
            #expect(id > last)
            #expect(Identifier.isValid(id))
            last = id
        }
    }
}
