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

    /// The index behind the first `pattern` at or after `start`.
    func behind(_ pattern: StaticString, from start: Int = 0) -> Int? {
        var index = start
        while let first = firstIndex(of: pattern.utf8Start[0], from: index) {
            index = first
            if skip(pattern, at: &index) { return index }
            index += 1
        }
        return nil
    }

    /// Whether `pattern` stands at `index`, which is moved behind it.
    func skip(_ pattern: StaticString, at index: inout Int) -> Bool {
        let end = index + pattern.utf8CodeUnitCount
        guard end <= count,
            self[index..<end].elementsEqual(UnsafeBufferPointer(start: pattern.utf8Start, count: end - index))
        else { return false }
        index = end
        return true
    }

    /// The number whose digits stand at `index`, 1 to 18 of them; `index` is moved behind them.
    func number(at index: inout Int) -> Int? {
        let start = index
        var value = 0
        while index < count, index - start < 18, UInt8(ascii: "0")...UInt8(ascii: "9") ~= self[index] {
            value = value * 10 + Int(self[index] - UInt8(ascii: "0"))
            index += 1
        }
        return index > start ? value : nil
    }

    /// Behind the line that begins at `start`; the end of the bytes when it is incomplete.
    func lineEnd(from start: Int) -> Int { firstIndex(of: UInt8(ascii: "\n"), from: start).map { $0 + 1 } ?? count }

    /// Where the frame or head ends that begins at `start`: behind its empty line (LF or CRLF); `nil` when it is
    /// incomplete.
    func frameEnd(from start: Int) -> Int? {
        var lineStart = start
        while let lineEnd = firstIndex(of: UInt8(ascii: "\n"), from: lineStart) {
            let length = lineEnd - lineStart
            if length == 0 || length == 1 && self[lineStart] == UInt8(ascii: "\r") { return lineEnd + 1 }
            lineStart = lineEnd + 1
        }
        return nil
    }
}

extension [UInt8] {
    /// Whether whole lines end here with an empty one.
    var endsWithEmptyLine: Bool {
        guard last == UInt8(ascii: "\n") else { return false }
        let line = dropLast().last == UInt8(ascii: "\r") ? dropLast(2) : dropLast()
        return line.isEmpty || line.last == UInt8(ascii: "\n")
    }
}
