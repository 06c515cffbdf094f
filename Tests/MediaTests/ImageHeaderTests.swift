import Testing

@testable import Media

@Suite struct ImageHeaderTests {
    private static let png: [UInt8] =
        [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13] + Array("IHDR".utf8)
        + [0, 0, 0xFA, 0, 0, 0, 0xFA, 0]
    /// With a segment in front of the frame, as cameras write it, and a fill byte.
    private static let jpeg: [UInt8] =
        [0xFF, 0xD8, 0xFF, 0xE1, 0, 6, 1, 2, 3, 4, 0xFF, 0xFF, 0xC2, 0, 11, 8, 0x03, 0x20, 0x04, 0xB0]

    private static func webp(_ kind: String, _ rest: [UInt8]) -> [UInt8] {
        Array("RIFF".utf8) + [0, 0, 0, 0] + Array("WEBP".utf8) + Array(kind.utf8) + [0, 0, 0, 0] + rest
    }

    @Test func sizes() {
        let cases: [([UInt8], ImageHeader)] = [
            (Self.png, ImageHeader(format: .png, width: 64_000, height: 64_000)),
            (Self.jpeg, ImageHeader(format: .jpeg, width: 1_200, height: 800)),
            (
                Self.webp("VP8 ", [1, 2, 3, 0x9D, 0x01, 0x2A, 0x80, 0x42, 0xE0, 0x01]),
                ImageHeader(format: .webp, width: 640, height: 480)
            ),
            (
                Self.webp("VP8L", [0x2F, 0x7F, 0xC2, 0x77, 0x00]), ImageHeader(format: .webp, width: 640, height: 480)
            ),
            (
                Self.webp("VP8X", [0x10, 0, 0, 0, 0x7F, 2, 0, 0xDF, 1, 0]),
                ImageHeader(format: .webp, width: 640, height: 480)
            ),
        ]
        for (bytes, header) in cases {
            #expect(ImageHeader.parse(bytes) == .header(header))
            // Each beginning of it asks for more; none is taken for something else.
            for length in 1..<bytes.count {
                #expect(ImageHeader.parse(Array(bytes[..<length])) == .incomplete, "\(header.format) \(length)")
            }
            #expect(ImageHeader.parse(bytes + [1, 2, 3]) == .header(header))
        }
        #expect(ImageHeader.parse([]) == .incomplete)
    }

    @Test func whatIsNoImage() {
        let broken: [[UInt8]] = [
            Array("<html><script>".utf8), Array("<svg xmlns=".utf8), Array("GIF89a".utf8), [0, 0, 0, 0],
            // A scan before any frame, a segment shorter than its own length, a size of nothing.
            [0xFF, 0xD8, 0xFF, 0xDA, 0, 4], [0xFF, 0xD8, 0xFF, 0xE0, 0, 1],
            Array(Self.jpeg.dropLast(4)) + [0, 0, 4, 0xB0], Array(Self.png.dropLast(4)) + [0, 0, 0, 0],
            Self.webp("ANIM", [1, 2, 3]), Self.webp("VP8L", [0x2E, 0, 0, 0, 0]),
        ]
        for bytes in broken { #expect(ImageHeader.parse(bytes) == .invalid, "\(bytes.prefix(12))") }
    }

    @Test func limits() {
        func isWithin(_ width: Int, _ height: Int) -> Bool {
            ImageHeader(format: .png, width: width, height: height).isWithin(
                pixelsMax: ImageConverter.pixelsMax, sideMax: ImageConverter.sideMax)
        }
        #expect(isWithin(10_000, 5_000) && !isWithin(10_000, 5_001))
        #expect(isWithin(32_768, 1) && !isWithin(32_769, 1) && !isWithin(1, 32_769))
        #expect(!isWithin(0xFFFF_FFFF, 0xFFFF_FFFF))
    }
}
