import ArgumentParser
import Primitives
import Report
import Testbed

extension Failure {
    typealias Status = ExitStatus

    var status: ExitStatus {
        switch self {
        case .arguments: .badArguments
        case .missing, .unavailable: .unavailable
        case .died: .processDied
        case .interrupted: .interrupted
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
