import Foundation

/// Runs a program of the system to its end, off the threads of Swift's concurrency.
enum PostgresCommand {
    struct Failed: Error, CustomStringConvertible {
        let description: String
    }

    @discardableResult
    static func run(_ words: [String]) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try runBlocking(words) }) }
        }
    }

    /// The same as user `postgres`, when this process is root.
    static func unprivileged(_ program: String, _ arguments: [String]) -> [String] {
        let prefix =
            geteuid() == 0 ? ["/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] : []
        return prefix + [program] + arguments
    }

    static func path(_ name: String) -> String { directory + "/" + name }

    private static let directory: String = {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return versions.compactMap { Int($0) }.max().map { "\(root)/\($0)/bin" } ?? "/usr/bin"
    }()

    private static func runBlocking(_ words: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: words[0])
        process.arguments = Array(words.dropFirst())
        process.currentDirectoryURL = URL(fileURLWithPath: "/tmp")
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let text = String(decoding: bytes, as: UTF8.self)
        guard process.terminationStatus == 0 else {
            throw Failed(description: "\(words[0]) ended with \(process.terminationStatus): \(text)")
        }
        return text
    }
}
