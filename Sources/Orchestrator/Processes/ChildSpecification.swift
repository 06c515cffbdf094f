import Subprocess

/// One process to be started: what it runs, where it logs, and how it ends.
struct ChildSpecification: Sendable {
    /// Whether a process is meant to run until it is stopped, or to end by itself.
    enum Life: Equatable, Sendable {
        case untilStopped
        /// Ends by itself with one of these exit codes.
        case ends(codes: Set<Int32>)
    }

    /// Another user to run as: a server that refuses to run as root. Only root can ask for it.
    struct User: Equatable, Sendable {
        var id: UInt32
        var group: UInt32
    }

    /// Unique in a report, and the name of the log file.
    var name: String
    /// Absolute path of the program.
    var executable: String
    var arguments: [String] = []
    /// Added to the few variables of ``passedOn``; nothing else is inherited, so that a run does not depend on the shell.
    var environment: [String: String] = [:]
    /// Absolute path of the log file; appended to, so that a restart does not erase what came before.
    var log: String
    var life = Life.untilStopped
    /// Asks the process to end.
    var stopSignal = Signal.terminate
    /// How long it may take for that before it is killed.
    var grace = Duration.seconds(5)
    /// What the kernel sends when the Orchestrator is gone.
    var deathSignal = Signal.kill
    var user: User?
    /// `ulimit -n`, soft and hard; `nil` for the Orchestrator's own.
    var descriptorsMax: UInt64?
    /// Talks in lines over standard input and output; the log holds standard error only.
    var converses = false

    /// Variables of the Orchestrator's own environment that its children get too.
    static let passedOn = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH"]
}
