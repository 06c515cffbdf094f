import Foundation
public import Glibc
import Primitives

/// A program that a test starts and ends by its process id; nothing else is ever signalled.
public final class ChildProcess: Sendable {
    public struct SpawnFailed: Error, CustomStringConvertible {
        public let program: String
        public let code: Int32
        public var description: String { "cannot start \(program): error \(code)" }
    }

    public let pid: pid_t
    /// What `waitpid` said; `nil` until the process was reaped.
    private let status = Mutex<Int32?>(nil)

    /// Starts `arguments[0]`, found in `PATH`, with its output in the file `log`.
    public init(_ arguments: [String], log: String) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        Self.closeInherited(&actions)
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

    /// SwiftNIO accepts sockets that a child would inherit: a server under test could then close its own copy, and the
    /// client would not hear of it before the child ends. Closing what is not open is no error.
    private static func closeInherited(_ actions: inout posix_spawn_file_actions_t) {
        let open = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        // Others open more while this looks.
        let end = min((open.compactMap { Int32($0) }.max() ?? 3) + 256, Int32(clamping: sysconf(Int32(_SC_OPEN_MAX))))
        for descriptor in 3..<max(end, 3) { posix_spawn_file_actions_addclose(&actions, descriptor) }
    }

    /// Sends a signal, unless the process has been reaped already.
    public func signal(_ number: Int32) {
        status.withLock { status in
            if status == nil { _ = Glibc.kill(pid, number) }
        }
    }

    /// Whether the process has ended; reaps it then.
    public var hasEnded: Bool {
        status.withLock { status in
            var reported: Int32 = 0
            if status == nil, waitpid(pid, &reported, WNOHANG) != 0 { status = reported }
            return status != nil
        }
    }

    /// The code that the process ended with, or 128 and the signal that ended it; `nil` while it runs.
    public var exitCode: Int32? {
        guard hasEnded, let status = status.withLock({ $0 }) else { return nil }
        let signal = status & 0x7F
        return signal == 0 ? status >> 8 & 0xFF : 128 + signal
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
