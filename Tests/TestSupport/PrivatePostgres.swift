import Foundation
import Primitives

/// A PostgreSQL server of one test run: its own temporary folder, unix socket and port, stopped by its pid.
///
/// A small shell stands between: it stops the server and removes the folder when this process is gone, however it
/// went. As root the server runs as user `postgres`, since it refuses to run as root.
public final class PrivatePostgres: Sendable {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    public let directory: String
    public let port: Int
    private let settings: [String: String]
    private let keeper = Mutex<Keeper?>(nil)
    private let databases = Mutex(0)

    private struct Keeper {
        let process: Process
        let input: FileHandle
    }

    /// Initialises and starts a server. `settings` come on top of ones that make tests fast (`fsync` is off: killed
    /// processes lose nothing by that, only a killed machine does).
    public init(settings: [String: String] = [:]) async throws {
        port = try makeFreePort()
        directory = try PrivatePostgres.makeDirectory()
        let usual = ["fsync": "off", "shared_buffers": "32MB", "max_connections": "250", "log_min_messages": "fatal"]
        self.settings = usual.merging(settings) { $1 }
        let arguments = ["-D", data, "-U", "chorus", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        try await PostgresCommand.run(PostgresCommand.unprivileged(PostgresCommand.path("initdb"), arguments))
        try await start()
    }

    /// A standby of `primary`: a copy of its data that follows it and takes no writes.
    public init(standbyOf primary: PrivatePostgres) async throws {
        port = try makeFreePort()
        directory = try PrivatePostgres.makeDirectory()
        settings = primary.settings
        let arguments = [
            "-D", data, "-h", primary.directory, "-p", "\(primary.port)", "-U", "chorus", "-R", "-X", "stream",
            "--checkpoint=fast", "--no-sync",
        ]
        try await PostgresCommand.run(PostgresCommand.unprivileged(PostgresCommand.path("pg_basebackup"), arguments))
        try await start()
    }

    /// Makes a standby a primary; returns when it takes writes.
    public func promote() async throws { try await sql("SELECT pg_promote()") }

    /// The server that all tests of this process share; each takes a database of its own from it.
    public static func shared() async throws -> PrivatePostgres { try await sharedServer.value }
    private static let sharedServer = Task { try await PrivatePostgres() }

    /// A connection string for `database`, over the unix socket.
    public func url(database: String = "postgres") -> String {
        "postgresql://chorus@/\(database)?host=\(directory)&port=\(port)"
    }

    public func makeDatabase() async throws -> String {
        let name = databases.withLock { count in
            count += 1
            return "test_\(count)"
        }
        try await sql("CREATE DATABASE \(name)")
        return url(database: name)
    }

    /// Runs SQL with psql, past everything that is tested; returns the output, unaligned, without headers.
    @discardableResult
    public func sql(_ text: String, url: String? = nil) async throws -> String {
        try await PostgresCommand.run([
            PostgresCommand.path("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url ?? self.url(),
            "-c", text,
        ]).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Starts the server again after ``kill()``.
    public func start() async throws {
        for attempt in 0..<50 {
            if attempt > 0 { try await Task.sleep(for: .milliseconds(100)) }
            let keeper = try launch()
            if await answers(keeper.process) {
                self.keeper.withLock { $0 = keeper }
                return
            }
            // Backends of a killed server may still hold its shared memory for a moment.
            release(keeper, removing: false)
        }
        throw Failure(description: "PostgreSQL does not start: \(log())")
    }

    /// SIGKILL for the server and its children; returns when they are gone.
    public func kill() async {
        for pid in processes() { _ = Glibc.kill(pid, SIGKILL) }
        if let old = takeKeeper() { release(old, removing: false) }
    }

    /// SIGSTOP for the server and its children: connections stay open and nobody answers.
    public func freeze() { for pid in processes() { _ = Glibc.kill(pid, SIGSTOP) } }
    public func thaw() { for pid in processes() { _ = Glibc.kill(pid, SIGCONT) } }

    public func stop() {
        if let old = takeKeeper() {
            release(old, removing: true)
        } else {
            try? FileManager.default.removeItem(atPath: directory)
        }
    }

    private func takeKeeper() -> Keeper? {
        keeper.withLock { keeper in
            defer { keeper = nil }
            return keeper
        }
    }

    private var data: String { directory + "/data" }

    private func launch() throws -> Keeper {
        let options = settings.flatMap { ["-c", "\($0.key)=\($0.value)"] }
        let server = PostgresCommand.unprivileged(
            PostgresCommand.path("postgres"),
            ["-D", data, "-p", "\(port)", "-k", directory, "-c", "listen_addresses=127.0.0.1"] + options)
        let script = """
            log=$1; directory=$2; shift 2
            "$@" >>"$log" 2>&1 &
            pid=$!
            read word
            kill -QUIT $pid 2>/dev/null
            wait $pid
            [ "$word" = keep ] || rm -rf "$directory"
            """
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", script, "keeper", directory + "/log", directory] + server
        process.standardInput = pipe
        _ = fcntl(pipe.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        try process.run()
        return Keeper(process: process, input: pipe.fileHandleForWriting)
    }

    private func answers(_ process: Process) async -> Bool {
        let probe = [PostgresCommand.path("pg_isready"), "-q", "-h", directory, "-p", "\(port)"]
        for _ in 0..<100 {
            if (try? await PostgresCommand.run(probe)) != nil { return true }
            if log().contains("FATAL") { break }
            try? await Task.sleep(for: .milliseconds(50))
        }
        try? FileManager.default.removeItem(atPath: directory + "/log")
        return false
    }

    private func release(_ keeper: Keeper, removing: Bool) {
        if !removing { try? keeper.input.write(contentsOf: Data("keep\n".utf8)) }
        try? keeper.input.close()
        keeper.process.waitUntilExit()
    }

    private func log() -> String { (try? String(contentsOfFile: directory + "/log", encoding: .utf8)) ?? "" }

    private func processes() -> [pid_t] {
        guard let text = try? String(contentsOfFile: data + "/postmaster.pid", encoding: .utf8),
            let postmaster = text.split(separator: "\n").first.flatMap({ pid_t($0) })
        else { return [] }
        let children = try? String(contentsOfFile: "/proc/\(postmaster)/task/\(postmaster)/children", encoding: .utf8)
        return [postmaster] + (children ?? "").split(separator: " ").compactMap { pid_t($0) }
    }

    static func makeDirectory(prefix: String = "chorus-postgres") throws -> String {
        let path = try makeTemporaryFolder(prefix: prefix, in: "/tmp")
        if geteuid() == 0, let user = getpwnam("postgres") {
            guard chown(path, user.pointee.pw_uid, user.pointee.pw_gid) == 0 else {
                throw Failure(description: "the folder cannot be given to user postgres")
            }
        }
        return path
    }
}
