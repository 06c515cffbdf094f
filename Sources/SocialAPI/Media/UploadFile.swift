import FoundationEssentials
import Glibc

/// A file that is written from its beginning to its end, and closed with its last owner.
final class UploadFile {
    struct Failed: Error, CustomStringConvertible {
        var code: Int32
        var description: String { "a file cannot be written: error \(code)" }
    }

    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor < 0 { throw Failed(code: errno) }
    }

    deinit { close(descriptor) }

    func write(_ bytes: some ContiguousBytes) throws {
        try bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let written = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if written < 0, errno == EINTR { continue }
                guard written > 0 else { throw Failed(code: errno) }
                rest = rest.dropFirst(written)
            }
        }
    }
}

/// A folder of its own, which is removed in the end.
enum TemporaryFolder {
    static func with<T>(_ body: (String) async throws -> T) async throws -> T {
        let path = FileManager.default.temporaryDirectory.path + "/chorus-upload-\(RefreshToken.random(12))"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await body(path)
    }
}
