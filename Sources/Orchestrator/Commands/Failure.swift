import ArgumentParser
import Primitives
import Report

/// Why a command could not do its work.
enum Failure: Error, Equatable, Sendable {
    /// All that is wrong with the arguments, one sentence each.
    case arguments([String])
    /// A program or a file that has to be installed or built first.
    case missing(String)
    /// Something that was started and does not get ready, or does not answer as agreed.
    case unavailable(String)
    case died(ChildDeath)
    case interrupted

    typealias Status = ExitStatus

    var status: Status {
        switch self {
        case .arguments: .badArguments
        case .missing, .unavailable: .unavailable
        case .died: .processDied
        case .interrupted: .interrupted
        }
    }
}

extension Failure: CustomStringConvertible {
    var description: String {
        switch self {
        case .arguments(let problems):
            problems.count == 1 ? problems[0] : "the arguments do not fit:" + problems.map { "\n  \($0)" }.joined()
        case .missing(let text), .unavailable(let text): text
        case .died(let death): death.description
        case .interrupted: "interrupted"
        }
    }
}

extension Failure {
    /// What `body` throws, as a failure; `nil` when it throws nothing.
    static func of(_ body: () async throws -> Void) async -> Failure? {
        do {
            try await body()
            return nil
        } catch let failure as Failure {
            return failure
        } catch is CancellationError {
            return .interrupted
        } catch {
            return .unavailable(String(describing: error))
        }
    }
}

/// Turns what a command throws into a message on standard error and an exit code.
enum CommandRunner {
    static func run(_ body: () async throws -> ExitStatus) async throws {
        let status: ExitStatus
        do {
            status = try await body()
        } catch let failure as Failure {
            StandardError.write("Error: \(failure.description)")
            status = failure.status
        } catch let error as ReportError {
            StandardError.write("Error: \(error.description)")
            if case .invalid = error { status = .badArguments } else { status = .unavailable }
        }
        if status != .fine { throw ExitCode(status.rawValue) }
    }
}
