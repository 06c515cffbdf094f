import Foundation

/// The end of a log file.
enum LogTail {
    /// At most `lines` lines out of the last `bytes` bytes of the file; empty when it cannot be read.
    static func read(_ path: String, lines: Int = 12, bytes: Int = 16_384) -> [String] {
        guard let file = FileHandle(forReadingAtPath: path) else { return [] }
        defer { try? file.close() }
        let size = (try? file.seekToEnd()) ?? 0
        try? file.seek(toOffset: size - min(size, UInt64(bytes)))
        let data = (try? file.read(upToCount: bytes)) ?? Data()
        let text = String(decoding: data, as: UTF8.self)
        return text.split(separator: "\n").suffix(lines).map(String.init)
    }
}
