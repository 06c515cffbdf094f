/// Makes ids of comments: 26 characters that sort by time, `01JGFJJZ00` + 16 random ones.
///
/// The layout is that of ULID (48 bits of milliseconds, 80 random bits, Crockford's base 32). Within one process ids rise strictly:
/// in the same millisecond, or when the clock steps back, the number before is counted up by one.
struct CommentIDSequence {
    private var milliseconds: UInt64 = 0
    private var high: UInt16 = 0
    private var low: UInt64 = 0

    /// - Parameter now: milliseconds since 1970, below 2^48.
    mutating func next(now: UInt64, using random: inout some RandomNumberGenerator) -> String {
        if now > milliseconds {
            milliseconds = now
            // The top bit stays clear, so that counting up within a millisecond cannot run over.
            high = UInt16.random(in: 0..<0x8000, using: &random)
            low = UInt64.random(in: .min ... .max, using: &random)
        } else {
            low &+= 1
            if low == 0 { high &+= 1 }
        }
        return text
    }

    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

    /// 130 bits in 26 digits of 5: the first one has the top 3 bits of the time.
    private var text: String {
        let upper = milliseconds << 16 | UInt64(high)
        return String(unsafeUninitializedCapacity: 26) { digits in
            for index in 0..<26 {
                digits[index] = Self.alphabet[Int(Self.bits(upper, low, at: 125 - 5 * index))]
            }
            return 26
        }
    }

    /// Five bits of the 128-bit number `upper:lower`, the lowest of them at `position`.
    private static func bits(_ upper: UInt64, _ lower: UInt64, at position: Int) -> UInt64 {
        if position >= 64 { return upper >> UInt64(position - 64) & 31 }
        let low = lower >> UInt64(position)
        let high = position > 59 ? upper << UInt64(64 - position) : 0
        return (low | high) & 31
    }
}
