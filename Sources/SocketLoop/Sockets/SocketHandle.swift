/// Names one socket of one loop. A handle outlives its socket harmlessly: the slot's next owner has another generation.
public struct SocketHandle: Hashable, Sendable {
    public let index: UInt32
    public let generation: UInt32

    public init(index: UInt32, generation: UInt32) {
        self.index = index
        self.generation = generation
    }

    init(packed: UInt64) {
        self.init(index: UInt32(truncatingIfNeeded: packed), generation: UInt32(truncatingIfNeeded: packed >> 32))
    }

    var packed: UInt64 { UInt64(generation) << 32 | UInt64(index) }
}
