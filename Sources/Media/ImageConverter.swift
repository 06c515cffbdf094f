import FoundationEssentials
import Subprocess
import SystemPackage

/// Makes the files that are shown out of an upload, with libvips in a process of its own: what a decoder does with a hostile
/// file is done there, within limits of memory, time, files and descriptors.
public struct ImageConverter: Sendable {
    /// Widest and highest side of the two files, in pixels.
    public static let sides = [1_280, 400]
    public static let pixelsMax = 50_000_000
    public static let sideMax = 32_768
    public static let bytesMax = 10 << 20

    public struct Limits: Equatable, Sendable {
        /// Address space of the process.
        public var memoryBytes = 1 << 30
        /// By the wall clock, for each of the two files.
        public var seconds = 10
        public var fileBytes = 8 << 20

        public init() {}
    }

    public enum Problem: Error, Equatable, Sendable {
        /// libvips cannot read it, or it took more than the limits.
        case unreadable(String)
        /// `vipsthumbnail` or what limits it is not installed.
        case missing
    }

    private let limits: Limits

    public init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Turned as its orientation says, in sRGB, without metadata, and never larger than it was: WebP files of ``sides``.
    ///
    /// - Parameters:
    ///   - source: a file of a format of ``ImageHeader``.
    ///   - folder: where the results go.
    /// - Returns: their paths, largest first, and the size of the largest one.
    public func convert(_ source: String, into folder: String) async throws -> (files: [String], header: ImageHeader) {
        var files: [String] = []
        for side in Self.sides {
            let file = "\(folder)/\(side).webp"
            // The smaller one from the larger one: decoded once.
            try await thumbnail(files.last ?? source, side: side, file)
            files.append(file)
        }
        let headers = try files.map { try Self.keepPixels(of: $0) }
        return (files, headers[0])
    }

    /// vipsthumbnail keeps the profile that it converted to, 7 KB in every file.
    private static func keepPixels(of file: String) throws -> ImageHeader {
        guard let data = FileManager.default.contents(atPath: file), let pixels = WebPFile.pixelsOnly(Array(data)),
            case .header(let header) = ImageHeader.parse(pixels)
        else { throw Problem.unreadable("no picture was written") }
        try Data(pixels).write(to: URL(filePath: file))
        return header
    }

    private func thumbnail(_ source: String, side: Int, _ file: String) async throws {
        let words = [
            "--as=\(limits.memoryBytes)", "--cpu=\(limits.seconds)", "--fsize=\(limits.fileBytes)", "--nofile=64",
            "--core=0", "--", "timeout", "--signal=KILL", "\(limits.seconds)",
            "vipsthumbnail", source, "--size", "\(side)x\(side)>", "--eprofile", "srgb", "-o", "\(file)[Q=80,strip]",
        ]
        let environment: [Environment.Key: String] = [
            "PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "VIPS_BLOCK_UNTRUSTED": "1", "VIPS_CONCURRENCY": "1",
            "MALLOC_ARENA_MAX": "2",
        ]
        do {
            let result = try await Subprocess.run(
                .path("/usr/bin/prlimit"), arguments: Arguments(words), environment: .custom(environment),
                input: .none, output: .discarded, error: .string(limit: 65_536))
            switch result.terminationStatus {
            case .exited(0): return
            case .exited(127): throw Problem.missing
            default: throw Problem.unreadable("\(result.terminationStatus): \(result.standardError)")
            }
        } catch let error as SubprocessError {
            throw FileManager.default.fileExists(atPath: "/usr/bin/prlimit") ? .unreadable("\(error)") : Problem.missing
        }
    }
}
