import Foundation
import Primitives
import Testbed
import Testing

/// A shell script as a child.
func makeScript(_ name: String, _ script: String, in folder: String) -> ChildSpecification {
    ChildSpecification(name: name, executable: "/bin/bash", arguments: ["-c", script], log: "\(folder)/\(name).log")
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
