/// Exit codes of every command, after sysexits.h and the shell's custom for signals.
public enum ExitStatus: Int32, Codable, Sendable {
    case fine = 0
    case badArguments = 64
    /// A check failed: the audit found a loss, a threshold was crossed, or a comparison found a regression.
    case auditFailed = 65
    /// Something needed is missing or does not answer.
    case unavailable = 69
    case processDied = 70
    case interrupted = 130
}

/// One thing that has to be so.
public struct Check: Codable, Equatable, Sendable {
    public var name: String
    public var passed: Bool
    /// What was found.
    public var text: String
    /// The exit code when it did not pass.
    public var exitCode: ExitStatus

    public init(_ name: String, passed: Bool, _ text: String, exitCode: ExitStatus = .auditFailed) {
        self.name = name
        self.passed = passed
        self.text = text
        self.exitCode = exitCode
    }

    /// As tables say it.
    static let failed = "FAILED"

    /// Passes when there are no problems.
    public init(_ name: String, problems: [String], else text: String, exitCode: ExitStatus = .auditFailed) {
        self.init(
            name, passed: problems.isEmpty, problems.isEmpty ? text : problems.joined(separator: "; "),
            exitCode: exitCode)
    }
}

/// Whether a run is good: all its checks, in the order in which they decide.
public struct Verdict: Codable, Equatable, Sendable {
    public var checks: [Check] = []

    public init(_ checks: [Check] = []) { self.checks = checks }

    public var failed: [Check] { checks.filter { !$0.passed } }
    /// The first check that failed decides; a run without a check did not come to its end.
    public var status: ExitStatus { failed.first?.exitCode ?? (checks.isEmpty ? .interrupted : .fine) }

    public var reason: String {
        if checks.isEmpty { return "it did not come to its end" }
        // The first says that it came to its end, which goes without saying when there are others.
        let shown = failed.isEmpty ? Array(checks.dropFirst(checks.count > 1 ? 1 : 0)) : failed
        return shown.map(\.text).joined(separator: "; ")
    }

    /// For a line of its own.
    public var sentence: String { "Verdict: \(reason) (exit code \(status.rawValue))." }
}
