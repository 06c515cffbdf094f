import Foundation
import Primitives
import Subprocess
import SystemPackage
import Testing

@testable import Orchestrator

/// The built command itself: it lies beside the test binary.
let launcher = Binaries.ownDirectory + "/Orchestrator"

/// Runs the built command to its end: how it ended, and what it said on standard error.
func launch(_ arguments: [String]) async throws -> (status: TerminationStatus, errors: String) {
    let result = try await Subprocess.run(
        .path(FilePath(launcher)), arguments: Arguments(arguments), output: .discarded, error: .string(limit: 1 << 16))
    return (result.terminationStatus, result.standardError)
}

/// A folder that goes away with the test.
func withFolder<Answer>(_ body: (String) async throws -> Answer) async throws -> Answer {
    let path = NSTemporaryDirectory() + "orchestrator-tests-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

/// A shell script as a child.
func makeScript(_ name: String, _ script: String, in folder: String) -> ChildSpecification {
    ChildSpecification(name: name, executable: "/bin/bash", arguments: ["-c", script], log: "\(folder)/\(name).log")
}

/// Whether a process with this id exists and is not merely waiting to be reaped.
func isAlive(_ pid: Int32) -> Bool {
    guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
        let end = stat.lastIndex(of: ")")
    else {
        return false
    }
    return !stat[end...].hasPrefix(") Z")
}

func text(of path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

/// Waits until the file holds the text.
func waitFor(_ wanted: String, in path: String) async throws {
    let found = try await Polling.wait(atMost: .seconds(20)) { text(of: path).contains(wanted) ? true : nil }
    #expect(found == true, "\(wanted) never came to \(path): \(text(of: path))")
}

/// Something that has happened, once.
final class Flag: Sendable {
    private let state = Mutex(false)
    var isRaised: Bool { state.withLock { $0 } }
    func raise() { state.withLock { $0 = true } }
}

/// What is said to be wrong with arguments when they are read.
func problems<Settings>(_ read: () throws -> Settings) -> [String] {
    do {
        _ = try read()
        return []
    } catch Failure.arguments(let problems) {
        return problems
    } catch {
        return ["another failure: \(error)"]
    }
}
