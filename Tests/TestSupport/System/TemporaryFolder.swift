import Foundation
import Glibc

/// Runs `body` with the path of a new empty folder, which is removed afterwards with all that is in it.
public func withTemporaryFolder<Value>(
    _ body: (String) async throws -> Value, isolation: isolated (any Actor)? = #isolation
) async throws -> Value {
    let path = try makeTemporaryFolder()
    defer { removeFolder(path) }
    return try await body(path)
}

/// A new empty folder under the system's folder for temporary files; the caller removes it.
public func makeTemporaryFolder(prefix: String = "chorus-test", in folder: String? = nil) throws -> String {
    let base = folder ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(base)/\(prefix)-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemCallFailed(call: "mkdtemp", code: errno) }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

public func removeFolder(_ path: String) {
    // What cannot be removed stays in the system's folder for temporary files.
    try? FileManager.default.removeItem(atPath: path)
}

public struct SystemCallFailed: Error, CustomStringConvertible {
    public let call: String
    public let code: Int32

    public var description: String { "\(call) failed: \(String(cString: strerror(code)))" }
}
