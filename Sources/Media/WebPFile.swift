/// The container of WebP (RFC 9649, section 2). Pure.
enum WebPFile {
    private static let kept: Set<String> = ["VP8 ", "VP8L", "VP8X", "ALPH"]
    private static let alphaFlag: UInt8 = 0x10

    /// The file with the pixels of its picture and nothing else: no profile (what is not tagged is sRGB), no EXIF, no XMP.
    ///
    /// - Returns: `nil` for what is no WebP file.
    static func pixelsOnly(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count >= 12, bytes.starts(with: "RIFF".utf8), bytes[8..<12].elementsEqual("WEBP".utf8) else {
            return nil
        }
        var chunks: [UInt8] = []
        chunks.reserveCapacity(bytes.count)
        var index = 12
        while index + 8 <= bytes.count {
            let length = (0..<4).reduce(0) { $0 | Int(bytes[index + 4 + $1]) << (8 * $1) }
            // Chunks of an odd length are followed by a byte.
            let end = index + 8 + length + length % 2
            guard end <= bytes.count else { return nil }
            let name = String(decoding: bytes[index..<index + 4], as: UTF8.self)
            if kept.contains(name) {
                let start = chunks.count
                chunks += bytes[index..<end]
                if name == "VP8X", length > 0 { chunks[start + 8] &= alphaFlag }
            }
            index = end
        }
        guard index == bytes.count else { return nil }
        let size = chunks.count + 4
        let head = Array("RIFF".utf8) + (0..<4).map { UInt8(size >> (8 * $0) & 0xFF) } + Array("WEBP".utf8)
        return head + chunks
    }
}
