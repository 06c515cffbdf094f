internal import CKernel

/// What the kernel did not take for one socket: references to shared bytes, in order.
///
/// The bytes of one event are one array: a thousand slow viewers of a channel hold a thousand references.
struct Backlog {
    /// Parts handed to the kernel in one call.
    static let partsPerWrite = 64

    private var parts: [[UInt8]] = []
    private var firstPart = 0
    /// Bytes of the first part that are already written.
    private var firstOffset = 0
    private(set) var bytes = 0

    var isEmpty: Bool { bytes == 0 }

    mutating func append(_ part: [UInt8], from offset: Int = 0) {
        if isEmpty {
            parts.removeAll(keepingCapacity: true)
            firstPart = 0
            firstOffset = offset
        }
        parts.append(part)
        bytes += part.count - offset
    }

    /// Writes as much as the kernel takes. Returns the errno of a broken socket, 0 otherwise.
    mutating func flush(to descriptor: Int32) -> Int32 {
        while !isEmpty {
            let written = write(to: descriptor)
            if written == -Int(EAGAIN) { return 0 }
            if written == -Int(EINTR) { continue }
            if written < 0 { return Int32(-written) }
            consume(written)
        }
        return 0
    }

    private func write(to descriptor: Int32) -> Int {
        let end = min(parts.count, firstPart + Backlog.partsPerWrite)
        return withUnsafeTemporaryAllocation(of: iovec.self, capacity: end - firstPart) { vectors in
            for index in firstPart..<end {
                // The arrays stay alive and in place: `parts` owns them and is not changed before the call returns.
                parts[index].withUnsafeBytes { bytes in
                    let skipped = index == firstPart ? firstOffset : 0
                    let base = UnsafeMutableRawPointer(mutating: bytes.baseAddress?.advanced(by: skipped))
                    vectors[index - firstPart] = iovec(iov_base: base, iov_len: bytes.count - skipped)
                }
            }
            return chorus_send_vector(descriptor, vectors.baseAddress, vectors.count)
        }
    }

    private mutating func consume(_ written: Int) {
        bytes -= written
        firstOffset += written
        while firstPart < parts.count, firstOffset >= parts[firstPart].count {
            firstOffset -= parts[firstPart].count
            parts[firstPart] = []
            firstPart += 1
        }
        if firstPart > 256, firstPart * 2 > parts.count {
            parts.removeFirst(firstPart)
            firstPart = 0
        }
    }
}
