import Foundation
import Glibc

/// One process to be started: what it runs, where it logs, and how it ends.
public struct ChildSpecification: Sendable {
    /// Whether a process is meant to run until it is stopped, or to end by itself.
    public enum Life: Equatable, Sendable {
        case untilStopped
        /// Ends by itself with one of these exit codes.
        case ends(codes: Set<Int32>)

        func expects(_ exit: ChildExit) -> Bool {
            guard case (.ends(let codes), .code(let code)) = (self, exit) else { return false }
            return codes.contains(code)
        }
    }

    /// Another user to run as: a server that refuses to run as root. Only root can ask for it.
    public struct User: Equatable, Sendable {
        public var id: UInt32
        public var group: UInt32

        /// PostgreSQL and PgBouncer refuse to run as root; `nil` when this process does not.
        ///
        /// - Throws: ``Failure/unavailable(_:)`` when there is neither `postgres` nor `nobody`.
        public static func unprivileged() throws(Failure) -> User? {
            guard geteuid() == 0 else { return nil }
            guard let entry = getpwnam("postgres") ?? getpwnam("nobody") else {
                throw .unavailable("PostgreSQL cannot run as root, and there is neither a user 'postgres' nor 'nobody'")
            }
            return User(id: entry.pointee.pw_uid, group: entry.pointee.pw_gid)
        }
    }

    /// By their names for setpriv(1).
    public enum DeathSignal: String, Sendable {
        case kill = "KILL"
        case quit = "QUIT"
    }

    /// When it is stopped: those of one phase all at once, after those of the phases before.
    public enum Phase: Int, CaseIterable, Sendable {
        case clients, services, statistics, servers
    }

    /// Unique in a report, and the name of the log file.
    public var name: String
    /// Absolute path of the program.
    public var executable: String
    public var arguments: [String]
    /// Added to the few variables of ``passedOn``; nothing else is inherited, so that a run does not depend on the shell.
    public var environment: [String: String]
    /// Absolute path of the log file; appended to, so that a restart does not erase what came before.
    public var log: String
    public var life: Life
    public var phase: Phase
    /// Asks the process to end.
    public var stopSignal = SIGTERM
    /// How long it may take for that before it is killed.
    public var grace = Duration.seconds(5)
    /// What the kernel sends when this process is gone.
    public var deathSignal = DeathSignal.kill
    public var user: User?
    /// `ulimit -n`, soft and hard; `nil` for this process's own.
    public var descriptorsMax: Int?
    /// Talks in lines over standard input and output; the log holds standard error only.
    public var converses: Bool

    /// Variables of this process's own environment that its children get too.
    public static let passedOn = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH"]

    public init(
        name: String, executable: String, arguments: [String] = [], environment: [String: String] = [:], log: String,
        life: Life = .untilStopped, phase: Phase = .services, converses: Bool = false
    ) {
        self.name = name
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.log = log
        self.life = life
        self.phase = phase
        self.converses = converses
    }

    /// At most `lines` lines out of the last 16 KiB of the log; empty when it cannot be read.
    public func logTail(lines: Int = 12) -> [String] {
        guard let file = FileHandle(forReadingAtPath: log) else { return [] }
        defer { try? file.close() }
        let size = (try? file.seekToEnd()) ?? 0
        try? file.seek(toOffset: size - min(size, 16_384))
        let text = String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)
        return text.split(separator: "\n").suffix(lines).map(String.init)
    }
}

/// How a process ended.
public enum ChildExit: Equatable, Sendable, CustomStringConvertible {
    case code(Int32)
    case signal(Int32)
    /// It never ran: the reason.
    case notStarted(String)

    public var description: String {
        switch self {
        case .code(let code): "ended with exit code \(code)"
        case .signal(let signal): "was ended by signal \(signal)"
        case .notStarted(let reason): "could not be started: \(reason)"
        }
    }
}

/// A process that ended although nobody had asked it to.
public struct ChildDeath: Error, Equatable, Sendable, CustomStringConvertible {
    public var name: String
    public var exit: ChildExit
    public var log: String
    /// The last lines of its log.
    public var tail: [String]

    public init(name: String, exit: ChildExit, log: String, tail: [String]) {
        self.name = name
        self.exit = exit
        self.log = log
        self.tail = tail
    }

    init(_ specification: ChildSpecification, _ exit: ChildExit) {
        var tail: [String] = []
        if case .notStarted = exit {} else { tail = specification.logTail() }
        self.init(name: specification.name, exit: exit, log: specification.log, tail: tail)
    }

    public var description: String {
        let end = tail.isEmpty ? "Its log is empty" : "The end of its log:\n" + tail.map { "    \($0)\n" }.joined()
        return "\(name) \(exit). \(end)\(tail.isEmpty ? " " : "")(\(log))"
    }
}
