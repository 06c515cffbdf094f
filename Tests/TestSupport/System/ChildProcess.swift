public import Glibc
import Synchronization

/// A program that a test starts and ends by its process id; nothing else is ever signalled.
public final class ChildProcess: Sendable {
    public struct SpawnFailed: Error, CustomStringConvertible {
        public let program: String
        public let code: Int32
        public var description: String { "cannot start \(program): error \(code)" }
    }

    public let pid: pid_t
    private let isReaped = Mutex(false)

    /// Starts `arguments[0]`, found in `PATH`, with its output in the file `log`.
    public init(_ arguments: [String], log: String) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Threads of the concurrency pool block all signals, and a child would inherit that and ignore SIGTERM.
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var pid: pid_t = 0
        let texts: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for text in texts { free(text) } }
        let code = posix_spawnp(&pid, arguments[0], &actions, &attributes, texts, environ)
        guard code == 0 else { throw SpawnFailed(program: arguments[0], code: code) }
        self.pid = pid
    }

    /// Sends a signal, unless the process has been reaped already.
    public func signal(_ number: Int32) {
        isReaped.withLock { isReaped in
            if !isReaped { _ = Glibc.kill(pid, number) }
        }
    }

    /// Whether the process has ended; reaps it then.
    public var hasEnded: Bool {
        isReaped.withLock { isReaped in
            if !isReaped, waitpid(pid, nil, WNOHANG) != 0 { isReaped = true }
            return isReaped
        }
    }

    /// Sends `number` and waits for the end; SIGKILL after `seconds`.
    public func end(_ number: Int32 = SIGTERM, seconds: Double = 5) async {
        signal(number)
        let deadline = ContinuousClock.now + .seconds(seconds)
        while !hasEnded {
            if ContinuousClock.now > deadline { signal(SIGKILL) }
            // A cancelled test still ends its children.
            try? await Task.sleep(for: .milliseconds(5))
        }
    }
}
