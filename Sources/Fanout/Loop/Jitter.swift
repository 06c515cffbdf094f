/// A small generator for jitter (xorshift64*, Vigna 2016). Not for secrets.
struct Jitter {
    var state: UInt64

    init(state: UInt64) { self.state = state == 0 ? 0x9E37_79B9_7F4A_7C15 : state }

    mutating func next(below bound: UInt64) -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return bound == 0 ? 0 : (state &* 0x2545_F491_4F6C_DD1D) % bound
    }
}
