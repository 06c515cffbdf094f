extension [UInt8] {
    mutating func append<Number: FixedWidthInteger>(bigEndian number: Number) {
        Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
    }

    /// A one-dimensional array as `array_recv` reads it: dimensions, null flag, element type, length, lower bound;
    /// then each element behind its length in bytes.
    mutating func append<Number: FixedWidthInteger>(array numbers: [Number], of type: UInt32) {
        let width = Int32(MemoryLayout<Number>.size)
        reserveCapacity(count + 20 + numbers.count * (4 + Int(width)))
        append(arrayHead: numbers.count, of: type)
        for number in numbers {
            append(bigEndian: width)
            append(bigEndian: number)
        }
    }

    mutating func append(texts: [String]) {
        append(arrayHead: texts.count, of: PostgresType.text)
        for text in texts {
            append(bigEndian: Int32(truncatingIfNeeded: text.utf8.count))
            append(contentsOf: text.utf8)
        }
    }

    private mutating func append(arrayHead count: Int, of type: UInt32) {
        append(bigEndian: Int32(count == 0 ? 0 : 1))
        append(bigEndian: Int32(0))
        append(bigEndian: type)
        guard count > 0 else { return }
        append(bigEndian: Int32(truncatingIfNeeded: count))
        append(bigEndian: Int32(1))
    }
}
