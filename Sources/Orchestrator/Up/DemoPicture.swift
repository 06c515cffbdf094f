import Foundation

/// A landscape of hills under a sky, another one for each seed, as a PNG (W3C, Portable Network Graphics, third
/// edition) with stored blocks (RFC 1951, 3.2.4): large, and made without a library.
struct DemoPicture {
    private static let (width, height) = (480, 320)

    let seed: UInt64

    var png: Data {
        var file = Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
        var header = Self.number(UInt32(Self.width)) + Self.number(UInt32(Self.height))
        // Eight bits, red, green and blue; no filters, not interlaced.
        header += [8, 2, 0, 0, 0]
        file += Self.chunk("IHDR", header)
        file += Self.chunk("IDAT", Self.stored(pixels))
        file += Self.chunk("IEND", [])
        return file
    }

    /// Rows from above, each with its filter's number in front.
    private var pixels: [UInt8] {
        let hue = Double(seed % 360) / 57.3
        let hills = (0..<4).map { Double((seed >> (8 * UInt64($0))) & 0xFF) / 255 }
        var bytes: [UInt8] = []
        bytes.reserveCapacity((3 * Self.width + 1) * Self.height)
        for y in 0..<Self.height {
            bytes.append(0)
            let down = Double(y) / Double(Self.height)
            for x in 0..<Self.width {
                let across = Double(x) / Double(Self.width)
                let layer = hills.indices.last { down > Self.ridge(hills[$0], Double($0), across) }
                let light = layer.map { 0.55 - 0.13 * Double($0) } ?? 1 - 0.45 * down
                for shift in [0, 2.1, 4.2] {
                    let color = 0.6 + 0.4 * sin(hue + shift + (layer == nil ? 2 * down : 1))
                    bytes.append(UInt8(max(0, min(255, 255 * light * color))))
                }
            }
        }
        return bytes
    }

    private static func ridge(_ hill: Double, _ layer: Double, _ across: Double) -> Double {
        0.45 + 0.13 * layer + 0.06 * sin(9 * hill + across * (4 + 9 * hill)) + 0.02 * sin(31 * across + 7 * hill)
    }

    /// A zlib stream (RFC 1950) that is not compressed.
    private static func stored(_ bytes: [UInt8]) -> [UInt8] {
        var stream: [UInt8] = [0x78, 0x01]
        for start in stride(from: 0, to: bytes.count, by: 65_535) {
            let end = min(start + 65_535, bytes.count)
            let length = UInt16(end - start)
            stream.append(end == bytes.count ? 1 : 0)
            for number in [length, ~length] { stream += [UInt8(number & 0xFF), UInt8(number >> 8)] }
            stream += bytes[start..<end]
        }
        let sums = bytes.reduce((UInt32(1), UInt32(0))) { sums, byte in
            let first = (sums.0 + UInt32(byte)) % 65_521
            return (first, (sums.1 + first) % 65_521)
        }
        return stream + number(sums.1 << 16 | sums.0)
    }

    private static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
        let named = Array(name.utf8) + content
        let check = ~named.reduce(~UInt32(0)) { check, byte in table[Int((check ^ UInt32(byte)) & 0xFF)] ^ (check >> 8)
        }
        return number(UInt32(content.count)) + named + number(check)
    }

    private static let table = (0..<UInt32(256)).map { byte in
        (0..<8).reduce(byte) { rest, _ in rest & 1 == 1 ? 0xEDB8_8320 ^ (rest >> 1) : rest >> 1 }
    }

    private static func number(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
    }
}
