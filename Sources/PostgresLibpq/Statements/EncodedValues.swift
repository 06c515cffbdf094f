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
