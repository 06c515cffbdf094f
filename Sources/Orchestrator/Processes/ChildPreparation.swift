import CKernel
import Glibc

/// What happens in a new process before it becomes the real program: `Orchestrator supervise-child …`.
///
/// The kernel is asked to end it with the Orchestrator, however that one ends. The wish is tied to the *thread* that made
/// the process; Subprocess makes all of them on one thread that lives as long as the Orchestrator. It survives the
/// change of program, but not a change of user, so that the user comes first (prctl(2), PR_SET_PDEATHSIG).
struct ChildPreparation: Sendable {
    var parent: Int32
    var deathSignal: Int32
    var user: ChildSpecification.User?
    var descriptorsMax: UInt64?
    /// Gets standard error, and standard output unless ``keepsOutput``.
    var log: String
    var keepsOutput: Bool
    /// Absolute path of the program, then its arguments.
    var command: [String]

    /// What went wrong, for the log.
    struct Problem: Error, CustomStringConvertible {
        var description: String

        init(_ step: String, _ code: Int32 = errno) {
            description = "\(step): \(String(cString: strerror(code)))"
        }
    }

    /// Becomes the program.
    ///
    /// - Throws: ``Problem``; on success this does not return.
    func run() throws(Problem) {
        try redirect()
        try changeUser()
        if let descriptorsMax {
            var limit = rlimit(rlim_cur: descriptorsMax, rlim_max: descriptorsMax)
            guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
                throw Problem("setrlimit")
            }
        }
        guard chorus_set_parent_death_signal(deathSignal) == 0 else { throw Problem("prctl") }
        // It may have died before the wish was in place.
        guard getppid() == parent else { throw Problem("the Orchestrator is gone", ESRCH) }
        try replaceProgram()
    }

    private func redirect() throws(Problem) {
        let file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw Problem("open \(log)") }
        guard dup2(file, STDERR_FILENO) >= 0, keepsOutput || dup2(file, STDOUT_FILENO) >= 0 else {
            throw Problem("dup2")
        }
    }

    private func changeUser() throws(Problem) {
        guard let user else { return }
        guard setgroups(0, nil) == 0 else { throw Problem("setgroups") }
        guard setgid(user.group) == 0 else { throw Problem("setgid") }
        guard setuid(user.id) == 0 else { throw Problem("setuid") }
    }

    private func replaceProgram() throws(Problem) {
        // The threads on which Swift's tasks run block all signals, and the program would inherit that: it would never
        // hear that it shall stop.
        var none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, nil)
        // Ignored signals are inherited too.
        signal(SIGPIPE, SIG_DFL)
        var arguments = command.map { strdup($0) }
        arguments.append(nil)
        execv(command[0], arguments)
        throw Problem("exec \(command[0])")
    }
}
