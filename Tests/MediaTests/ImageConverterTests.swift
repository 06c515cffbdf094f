import Foundation
import TestSupport
import Testing

@testable import Media

@Suite(.serialized) struct ImageConverterTests {
    /// Red in the upper left quarter, blue elsewhere.
    private static func picture(_ folder: String, width: Int = 60, height: Int = 40, _ kind: String = "jpg") throws
        -> String
    {
        try vips("black", "\(folder)/black.v", "\(width)", "\(height)", "--bands", "3")
        try vips("linear", "\(folder)/black.v", "\(folder)/blue.v", "1", "0 0 250", "--uchar")
        try vips("draw_rect", "\(folder)/blue.v", "250 0 0", "0", "0", "\(width / 2)", "\(height / 2)", "--fill")
        try vips("copy", "\(folder)/blue.v", "\(folder)/picture.\(kind)")
        return "\(folder)/picture.\(kind)"
    }

    @discardableResult
    static func vips(_ words: String...) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words.first == "vipsheader" ? words : ["vips"] + words
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "vips \(words)")
        return String(decoding: data, as: UTF8.self)
    }

    /// EXIF with an orientation, and a place on earth.
    private static func exif(orientation: UInt8) -> [UInt8] {
        let gps: [UInt8] = [1, 0, 1, 0, 2, 0, 2, 0, 0, 0] + Array("N\0\0\0".utf8) + [0, 0, 0, 0]
        var tiff: [UInt8] = Array("II".utf8) + [42, 0, 8, 0, 0, 0, 2, 0]
        tiff += [0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]
        tiff += [0x25, 0x88, 4, 0, 1, 0, 0, 0, 38, 0, 0, 0] + [0, 0, 0, 0]
        let body = Array("Exif\0\0".utf8) + tiff + gps
        return [0xFF, 0xE1, UInt8((body.count + 2) >> 8), UInt8((body.count + 2) & 255)] + body
    }

    private static func isRed(_ path: String, _ x: Int, _ y: Int) throws -> Bool {
        let bands = try vips("getpoint", path, "\(x)", "\(y)").split(separator: " ").compactMap { Double($0) }
        return bands[0] > 150 && bands[2] < 100
    }

    @Test(arguments: 1...8) func orientationsAndMetadata(orientation: Int) async throws {
        try await withTemporaryFolder { folder in
            let plain = try Data(contentsOf: URL(fileURLWithPath: try Self.picture(folder)))
            let tagged =
                Array(plain.prefix(2)) + Self.exif(orientation: UInt8(orientation)) + Array(plain.dropFirst(2))
            let source = "\(folder)/tagged"
            try Data(tagged).write(to: URL(fileURLWithPath: source))
            let made = try await ImageConverter().convert(source, into: folder)
            let isTurned = orientation >= 5
            #expect(made.header == ImageHeader(format: .webp, width: isTurned ? 40 : 60, height: isTurned ? 60 : 40))
            // Where the red corner is when the picture stands upright (Exif 2.3, table of orientations).
            let corners = [1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)]
            let corner = try #require(corners[orientation])
            for (x, y) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let isRed = try Self.isRed(
                    made.files[0], x * (made.header.width - 1), y * (made.header.height - 1))
                #expect(isRed == ((x, y) == corner), "\(orientation) \(x) \(y)")
            }
            let fields = try made.files.map { try Self.vips("vipsheader", "-a", $0) }.joined()
            #expect(!fields.contains("exif") && !fields.contains("icc") && !fields.contains("orientation"), "\(fields)")
        }
    }

    @Test func sizesAndFormats() async throws {
        try await withTemporaryFolder { folder in
            for kind in ["jpg", "png", "webp"] {
                let source = try Self.picture(folder, width: 3_000, height: 2_000, kind)
                let made = try await ImageConverter().convert(source, into: folder)
                #expect(made.header == ImageHeader(format: .webp, width: 1_280, height: 853))
                let small = try Data(contentsOf: URL(fileURLWithPath: made.files[1]))
                #expect(
                    ImageHeader.parse(Array(small.prefix(64)))
                        == .header(ImageHeader(format: .webp, width: 400, height: 267)))
                for file in made.files { try FileManager.default.removeItem(atPath: file) }
            }
        }
    }

    @Test func aProfileOfAWiderGamutBecomesSRGB() async throws {
        try await withTemporaryFolder { folder in
            let source = try Self.picture(folder, "png")
            try Self.vips(
                "icc_transform", source, "\(folder)/wide.jpg[Q=95]", "p3", "--input-profile", "srgb")
            #expect(try Self.vips("vipsheader", "-a", "\(folder)/wide.jpg").contains("icc-profile-data"))
            let made = try await ImageConverter().convert("\(folder)/wide.jpg", into: folder)
            let red = try Self.vips("getpoint", made.files[0], "5", "5").split(separator: " ").compactMap { Double($0) }
            // In P3 the same red has fewer of 255.
            #expect(abs((red.first ?? 0) - 250) < 12, "\(red)")
            #expect(try !Self.vips("vipsheader", "-a", made.files[0]).contains("icc-profile-data"))
        }
    }

    /// A WebP of two pictures, a red one and then a black one, of 60 × 40 pixels.
    private static let animation = [
        "UklGRpQBAABXRUJQVlA4WAoAAAAKAAAAOwAAJwAAQU5JTQYAAAD/////AABBTk1GXgAAAAAAAAAAADsAACcAAGQAAAJWUDggRgAA",
        "AJADAJ0BKjwAKAA+kUigTCWkIyIiqACwEglnAHYAACo0xjh8GYAA/u7/n//Fuft10h//+4OP+zgf9wcfvMipb1B+UeKAAABBTk1G",
        "QAAAAAAAAAAAADsAACcAAGQAAABWUDggKAAAANQCAJ0BKjwAKAA+kUCYTAIqAAEglpAAAT7UWN5iFAAA/vjO9XgAAABFWElGugAA",
        "AEV4aWYAAElJKgAIAAAABgASAQMAAQAAAAEAAAAaAQUAAQAAAFYAAAAbAQUAAQAAAF4AAAAoAQMAAQAAAAIAAAATAgMAAQAAAAEA",
        "AABphwQAAQAAAGYAAAAAAAAAOGMAAOgDAAA4YwAA6AMAAAYAAJAHAAQAAAAwMjEwAZEHAAQAAAABAgMAAKAHAAQAAAAwMTAwAaAD",
        "AAEAAAD//wAAAqAEAAEAAAA8AAAAA6AEAAEAAABQAAAAAAAAAA==",
    ].joined()

    /// Of an animated file the first picture, which stands still.
    @Test func anAnimationStandsStill() async throws {
        try await withTemporaryFolder { folder in
            let source = "\(folder)/moving"
            try #require(Data(base64Encoded: Self.animation)).write(to: URL(fileURLWithPath: source))
            #expect(try Self.vips("vipsheader", "-a", source).contains("n-pages: 2"))
            let made = try await ImageConverter().convert(source, into: folder)
            #expect(made.header == ImageHeader(format: .webp, width: 60, height: 40))
            for file in made.files {
                #expect(try !Self.vips("vipsheader", "-a", file).contains("n-pages"))
                #expect(try Self.isRed(file, 5, 5))
            }
        }
    }

    @Test func whatIsBrokenOrTooMuch() async throws {
        try await withTemporaryFolder { folder in
            let source = try Self.picture(folder, width: 3_000, height: 2_000, "png")
            let data = try Data(contentsOf: URL(fileURLWithPath: source))
            // The header is right, and nothing follows.
            try Data(data.prefix(60)).write(to: URL(fileURLWithPath: "\(folder)/cut"))
            await #expect(throws: ImageConverter.Problem.self) {
                try await ImageConverter().convert("\(folder)/cut", into: folder)
            }
            var limits = ImageConverter.Limits()
            limits.memoryBytes = 64 << 20
            await #expect(throws: ImageConverter.Problem.self) {
                try await ImageConverter(limits: limits).convert(source, into: folder)
            }
            // A loader that is not trusted: the file is an SVG.
            try Data("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>".utf8).write(
                to: URL(fileURLWithPath: "\(folder)/a.svg"))
            await #expect(throws: ImageConverter.Problem.self) {
                try await ImageConverter().convert("\(folder)/a.svg", into: folder)
            }
        }
    }

    @Test func fiftyMegapixelsFitIntoTheMemory() async throws {
        try await withTemporaryFolder { folder in
            for kind in ["png", "jpg", "webp"] {
                let source = "\(folder)/large.\(kind)"
                try Self.vips("black", source, "8000", "6250", "--bands", "3")
                let made = try await ImageConverter().convert(source, into: folder)
                #expect(made.header.width == 1_280 && made.header.height == 1_000)
            }
        }
    }

    @Test func slotsAreBounded() async throws {
        let slots = WorkSlots(runningMax: 1, waitingMax: 1)
        let (gate, open) = AsyncStream<Void>.makeStream()
        let (began, hasBegun) = AsyncStream<Void>.makeStream()
        let first = Task {
            await slots.run {
                hasBegun.yield()
                for await _ in gate { break }
                return 1
            }
        }
        for await _ in began { break }
        let second = Task { await slots.run { 2 } }
        while slots.waiting == 0 { await Task.yield() }
        #expect(await slots.run { 3 } == nil && slots.refused == 1)
        open.yield()
        #expect(await first.value == 1)
        #expect(await second.value == 2)
        #expect(await slots.run { 4 } == 4 && slots.waiting == 0)
    }
}
