/// A set of channel ids, a bit each: 90,000 channels are 11 KB.
struct ChannelSet: Equatable {
    private var words: [UInt64] = []
    private(set) var count = 0

    func contains(_ id: Int32) -> Bool {
        let word = Int(id) >> 6
        return word < words.count && words[word] & (1 << UInt64(id & 63)) != 0
    }

    /// `false` when it was in already.
    mutating func insert(_ id: Int32) -> Bool {
        guard !contains(id) else { return false }
        let word = Int(id) >> 6
        if word >= words.count { words.append(contentsOf: repeatElement(0, count: word + 1 - words.count)) }
        words[word] |= 1 << UInt64(id & 63)
        count += 1
        return true
    }

    /// `false` when it was not in.
    mutating func remove(_ id: Int32) -> Bool {
        guard contains(id) else { return false }
        words[Int(id) >> 6] &= ~(1 << UInt64(id & 63))
        count -= 1
        return true
    }

    /// Ids in ascending order.
    func forEach(_ body: (Int32) -> Void) {
        for (index, word) in words.enumerated() {
            var rest = word
            while rest != 0 {
                body(Int32(index * 64 + rest.trailingZeroBitCount))
                rest &= rest - 1
            }
        }
    }

    /// The smallest ids, at most `limit`.
    func prefix(_ limit: Int) -> [Int32] {
        var ids: [Int32] = []
        for (index, word) in words.enumerated() where word != 0 {
            var rest = word
            while rest != 0 {
                guard ids.count < limit else { return ids }
                ids.append(Int32(index * 64 + rest.trailingZeroBitCount))
                rest &= rest - 1
            }
        }
        return ids
    }
}
