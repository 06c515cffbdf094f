import ArgumentParser
import Report

/// Turns what a command throws into a message on standard error and an exit code.
enum CommandRunner {
    static func run(_ body: () async throws -> ExitStatus) async throws {
        let status: ExitStatus
        do {
            status = try await body()
        } catch let failure as Failure {
            Terminal.error("Error: \(failure.description)")
            status = failure.status
        } catch let error as ReportError {
            Terminal.error("Error: \(error.description)")
            if case .invalid = error { status = .badArguments } else { status = .unavailable }
        }
        if status != .fine { throw ExitCode(status.rawValue) }
    }
}
