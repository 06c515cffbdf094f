import Audience
import Foundation
import TestSupport
import Testbed
import Testing

@testable import Orchestrator

/// Runs the built command to its end: the code that it ended with, and what it said.
func launch(_ arguments: [String]) async throws -> (code: Int32?, log: String) {
    try await withTemporaryFolder { folder in
        let program = try await Program("Orchestrator", arguments, folder: folder)
        return (await program.end(within: 100), program.log)
    }
}

func makeAudience() -> Audience {
    do { return try Audience(.zipf(exponent: 1), channels: 100, viewers: 2_000, seed: 1) } catch {
        fatalError("\(error)")
    }
}

func text(of path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

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
