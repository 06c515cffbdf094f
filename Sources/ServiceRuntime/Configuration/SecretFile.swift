import Glibc

/// The value of a setting that stands in a file, as container platforms hand out secrets.
enum SecretFile {
    struct Unusable: Error {
        /// A clause that names neither the file nor what is in it: the secret itself may stand in place of a path.
        let reason: String
    }

    static let bytesMax = 65_536

    /// The file's text without the line break at its end.
    static func read(_ path: String) throws(Unusable) -> String {
        guard let file = fopen(path, "re") else { throw Unusable(reason: "cannot be opened: \(lastError)") }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: bytesMax + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        guard ferror(file) == 0 else { throw Unusable(reason: "cannot be read: \(lastError)") }
        guard count <= bytesMax else { throw Unusable(reason: "is longer than \(bytesMax) bytes") }
        guard var text = String(validating: bytes[..<count], as: UTF8.self) else {
            throw Unusable(reason: "is no UTF-8 text")
        }
        if text.last?.isNewline == true { text.removeLast() }
        guard !text.isEmpty else { throw Unusable(reason: "is empty") }
        return text
    }

    private static var lastError: String { String(cString: strerror(errno)) }
}
