/// What an image is, from its first bytes. Pure.
public struct ImageHeader: Equatable, Sendable {
    public enum Format: String, CaseIterable, Sendable {
        case jpeg, png, webp
    }

    public enum Parsed: Equatable, Sendable {
        case header(ImageHeader)
        /// More bytes are needed.
        case incomplete
        /// None of the formats, or broken.
        case invalid
    }

    public var format: Format
    /// In pixels, before an orientation turns the image.
    public var width: Int
    public var height: Int

    public init(format: Format, width: Int, height: Int) {
        self.format = format
        self.width = width
        self.height = height
    }

    /// Pixels and sides are what a decoder needs memory for, whatever the file weighs.
    public func isWithin(pixelsMax: Int, sideMax: Int) -> Bool {
        width <= sideMax && height <= sideMax && width * height <= pixelsMax
    }

    public static func parse(_ bytes: [UInt8]) -> Parsed {
        var reader = Reader(bytes: bytes)
        for (format, magic) in [
            (Format.jpeg, [0xFF, 0xD8, 0xFF] as [UInt8]),
            (.png, [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]), (.webp, Array("RIFF".utf8)),
        ] where zip(bytes, magic).allSatisfy({ $0 == $1 }) {
            guard bytes.count >= magic.count else { return .incomplete }
            do throws(End) {
                let size =
                    switch format {
                    case .jpeg: try jpeg(&reader)
                    case .png: try png(&reader)
                    case .webp: try webp(&reader)
                    }
                guard let (width, height) = size, width > 0, height > 0 else { return .invalid }
                return .header(ImageHeader(format: format, width: width, height: height))
            } catch {
                return .incomplete
            }
        }
        return .invalid
    }

    private struct End: Error {}

    private struct Reader {
        let bytes: [UInt8]
        var index = 0

        mutating func byte() throws(End) -> Int {
            guard index < bytes.count else { throw End() }
            defer { index += 1 }
            return Int(bytes[index])
        }

        mutating func big16() throws(End) -> Int { try byte() << 8 | byte() }
        mutating func big32() throws(End) -> Int { try big16() << 16 | big16() }
        mutating func little(_ count: Int) throws(End) -> Int {
            var value = 0
            for place in 0..<count { value |= try byte() << (8 * place) }
            return value
        }
        mutating func text() throws(End) -> String {
            var text: [UInt8] = []
            for _ in 0..<4 { text.append(UInt8(try byte())) }
            return String(decoding: text, as: UTF8.self)
        }
    }

    /// ISO/IEC 10918-1, annex B: segments up to the first frame header (SOF).
    private static func jpeg(_ reader: inout Reader) throws(End) -> (Int, Int)? {
        reader.index = 2
        while true {
            guard try reader.byte() == 0xFF else { return nil }
            var marker = try reader.byte()
            while marker == 0xFF { marker = try reader.byte() }
            switch marker {
            case 0xC4, 0xC8, 0xCC: break
            case 0xC0...0xCF:
                reader.index += 3
                let height = try reader.big16()
                return (try reader.big16(), height)
            case 0x00, 0x01, 0xD0...0xDA: return nil
            default: break
            }
            let length = try reader.big16()
            guard length >= 2 else { return nil }
            reader.index += length - 2
        }
    }

    /// PNG (W3C), 5.6: IHDR comes first.
    private static func png(_ reader: inout Reader) throws(End) -> (Int, Int)? {
        reader.index = 8
        guard try reader.big32() == 13, try reader.text() == "IHDR" else { return nil }
        return (try reader.big32(), try reader.big32())
    }

    /// RFC 9649: simple lossy, simple lossless, and extended files.
    private static func webp(_ reader: inout Reader) throws(End) -> (Int, Int)? {
        reader.index = 8
        guard try reader.text() == "WEBP" else { return nil }
        let kind = try reader.text()
        reader.index = 20
        switch kind {
        case "VP8 ":
            reader.index += 3
            guard try reader.little(3) == 0x2A_019D else { return nil }
            return (try reader.little(2) & 0x3FFF, try reader.little(2) & 0x3FFF)
        case "VP8L":
            guard try reader.byte() == 0x2F else { return nil }
            let bits = try reader.little(4)
            return (bits & 0x3FFF + 1, bits >> 14 & 0x3FFF + 1)
        case "VP8X":
            reader.index += 4
            return (try reader.little(3) + 1, try reader.little(3) + 1)
        default: return nil
        }
    }
}
