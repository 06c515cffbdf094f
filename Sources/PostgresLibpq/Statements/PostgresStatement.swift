/// One SQL statement with `$1`, `$2` … for its values.
///
/// It is made from a literal only: a statement can therefore never hold a value that somebody sent.
public struct PostgresStatement: Hashable, Sendable, ExpressibleByStringLiteral {
    let text: String

    public init(_ text: StaticString) { self.text = text.description }
    public init(stringLiteral text: StaticString) { self.text = text.description }
}

/// The values of one statement in one buffer, and where each begins.
struct EncodedValues {
    private(set) var bytes: [UInt8] = []
    private(set) var types: [UInt32] = []
    private(set) var lengths: [Int32] = []
    private var starts: [Int?] = []

    init(_ values: [PostgresValue]) {
        for value in values {
            let start = bytes.count
            starts.append(value.encode(into: &bytes) ? start : nil)
            lengths.append(Int32(truncatingIfNeeded: bytes.count - start))
            types.append(value.type)
        }
        // An empty text at the end must still point into the buffer: a null pointer would mean NULL.
        bytes.append(0)
    }

    var formats: [Int32] { Array(repeating: 1, count: types.count) }

    func withPointers<T>(_ body: ([UnsafePointer<CChar>?]) -> T) -> T {
        bytes.withUnsafeBytes { buffer in
            let base = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            return body(starts.map { start in start.flatMap { base?.advanced(by: $0) } })
        }
    }
}

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
