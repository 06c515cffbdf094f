/// HTTP/1.1 chunked framing (RFC 9112, section 7.1). The response began in this coding, so
/// what follows its head on a detached socket has to keep to it. Only HTTP/1.0 does not know it.
enum Chunk {
    /// The chunk that ends a body: the client sees a complete response, not a broken one.
    static let last: [UInt8] = Array("0\r\n\r\n".utf8)

    /// One chunk out of whole frames, in their order.
    static func joining(_ frames: some Collection<Frame>) -> [UInt8] {
        var count = 0
        for frame in frames { count += frame.bytes.count }
        var chunk: [UInt8] = []
        chunk.reserveCapacity(count + 12)
        chunk.append(contentsOf: String(count, radix: 16).utf8)
        chunk.append(contentsOf: "\r\n".utf8)
        for frame in frames { chunk.append(contentsOf: frame.bytes) }
        chunk.append(contentsOf: "\r\n".utf8)
        return chunk
    }

    /// What a chunk carries, for a viewer whose response is not chunked.
    static func content(of chunk: [UInt8]) -> ArraySlice<UInt8> {
        let start = (chunk.firstIndex(of: UInt8(ascii: "\n")) ?? chunk.startIndex - 1) + 1
        return chunk[start..<max(start, chunk.endIndex - 2)]
    }

    static func of(_ bytes: [UInt8]) -> [UInt8] { joining(CollectionOfOne(Frame(bytes, kind: .state))) }
}
