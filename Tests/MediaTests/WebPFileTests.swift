import Testing

@testable import Media

@Suite struct WebPFileTests {
    private static func chunk(_ name: String, _ body: [UInt8]) -> [UInt8] {
        Array(name.utf8) + [UInt8(body.count), 0, 0, 0] + body + (body.count % 2 == 0 ? [] : [0])
    }

    private static func file(_ chunks: [[UInt8]]) -> [UInt8] {
        let body = Array("WEBP".utf8) + chunks.joined()
        return Array("RIFF".utf8) + [UInt8(body.count), 0, 0, 0] + body
    }

    @Test func onlyPixelsStay() {
        let (alpha, pixels) = (Self.chunk("ALPH", [7]), Self.chunk("VP8 ", [1, 2, 3]))
        // Flags of a profile, transparency, EXIF, XMP and a movement.
        let whole = Self.file([
            Self.chunk("VP8X", [0x3E, 0, 0, 0, 1, 0, 0, 1, 0, 0]), Self.chunk("ICCP", [1, 2, 3]), alpha, pixels,
            Self.chunk("EXIF", [9, 9]), Self.chunk("XMP ", [9]),
        ])
        let kept = Self.file([Self.chunk("VP8X", [0x10, 0, 0, 0, 1, 0, 0, 1, 0, 0]), alpha, pixels])
        #expect(WebPFile.pixelsOnly(whole) == kept)
        #expect(WebPFile.pixelsOnly(kept) == kept)
        for broken in [[], Array("RIFF".utf8), Array(whole.dropLast(3)), [0] + whole.dropFirst()] {
            #expect(WebPFile.pixelsOnly(broken) == nil)
        }
    }
}
