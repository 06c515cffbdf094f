/// HTTP/1.1 chunked framing (RFC 9112, section 7.1). Whoever took over a connection in the middle of a response goes on
/// in the coding that the response began with.
enum Chunk {
    /// The chunk that ends a body: the client sees a complete response, not a broken one.
    static let last: [UInt8] = Array("0\r\n\r\n".utf8)

    /// One chunk out of whole frames, in their order.
    static func joining(_ frames: some Collection<Frame>) -> [UInt8] {
        var count = 0
        for frame in frames { count += frame.bytes.count }
        var chunk = head(of: count, capacity: count)
        for frame in frames { chunk.append(contentsOf: frame.bytes) }
        chunk.append(contentsOf: "\r\n".utf8)
        return chunk
    }

    static func of(_ bytes: [UInt8]) -> [UInt8] {
        var chunk = head(of: bytes.count, capacity: bytes.count)
        chunk.append(contentsOf: bytes)
        chunk.append(contentsOf: "\r\n".utf8)
        return chunk
    }

    private static func head(of count: Int, capacity: Int) -> [UInt8] {
        var chunk: [UInt8] = []
        chunk.reserveCapacity(capacity + 12)
        chunk.append(contentsOf: String(count, radix: 16).utf8)
        chunk.append(contentsOf: "\r\n".utf8)
        return chunk
    }
}
