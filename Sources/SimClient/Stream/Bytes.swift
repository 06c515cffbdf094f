internal import Glibc

extension UnsafeRawBufferPointer {
    /// Whether the first bytes of `other` are the bytes of this buffer. `other` must be at least as long.
    func isEqual(to other: UnsafeRawBufferPointer) -> Bool {
        guard let left = baseAddress, let right = other.baseAddress else { return isEmpty }
        return memcmp(left, right, count) == 0
    }

    /// The number of first bytes that both have in common.
    func commonPrefix(with other: UnsafeRawBufferPointer) -> Int {
        let limit = Swift.min(count, other.count)
        var index = 0
        while index < limit, self[index] == other[index] { index += 1 }
        return index
    }

    /// The first index of `byte` at or after `start`.
    func firstIndex(of byte: UInt8, from start: Int) -> Int? {
        guard start < count, let base = baseAddress else { return nil }
        return memchr(base + start, Int32(byte), count - start).map { UnsafeRawPointer($0) - base }
    }

    /// A part of this buffer as a buffer of its own.
    func part(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: self[range]) }
}
