import Subprocess

/// How a process ended.
enum ChildExit: Equatable, Sendable {
    case code(Int32)
    case signal(Int32)
    /// It never ran: the reason.
    case notStarted(String)

    init(_ status: TerminationStatus) {
        switch status {
        case .exited(let code): self = .code(code)
        case .signaled(let signal): self = .signal(signal)
        }
    }
}

extension ChildExit: CustomStringConvertible {
    var description: String {
        switch self {
        case .code(let code): "ended with exit code \(code)"
        case .signal(let signal): "was ended by signal \(signal)"
        case .notStarted(let reason): "could not be started: \(reason)"
        }
    }
}

/// A process that ended although nobody had asked it to.
struct ChildDeath: Error, Equatable, Sendable {
    var name: String
    var exit: ChildExit
    var log: String
    /// The last lines of its log.
    var tail: [String]
}

extension ChildDeath: CustomStringConvertible {
    var description: String {
        let end = tail.isEmpty ? "Its log is empty" : "The end of its log:\n" + tail.map { "    \($0)\n" }.joined()
        return "\(name) \(exit). \(end)\(tail.isEmpty ? " " : "")(\(log))"
    }
}
