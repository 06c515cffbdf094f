import Foundation
import Glibc
import TestSupport

/// One of the built binaries, started by a test. Its environment holds what the test gives it and nothing else.
struct Program: Sendable {
    struct DidNotListen: Error, CustomStringConvertible {
        let log: String
        var description: String { "the program did not listen: \(log)" }
    }

    private let child: ChildProcess
    private let logPath: String

    /// The folder of the test binary, where the others are built to.
    static var folder: String {
        let test =
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        return String(test[..<(test.lastIndex(of: "/") ?? test.startIndex)])
    }

    /// - Parameters:
    ///   - folder: for the log.
    ///   - descriptorsMax: `ulimit -n` of the process, hard and soft.
    init(
        _ name: String, _ arguments: [String] = [], environment: [String: String] = [:], folder: String,
        descriptorsMax: Int? = nil, ignoresHangup: Bool = false
    ) throws {
        logPath = "\(folder)/\(name)-\(UUID().uuidString.prefix(8)).log"
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let limit =
            (descriptorsMax.map { "ulimit -n \($0); " } ?? "") + (ignoresHangup ? "trap '' HUP; " : "")
        let variables = environment.map { "\($0)=\($1)" }
        // The shell and env become the program: its process id is the child's.
        child = try ChildProcess(
            ["sh", "-c", limit + "exec env -i \"$@\"", "sh", "PATH=\(path)", "TMPDIR=\(folder)"] + variables
                + ["\(Self.folder)/\(name)"] + arguments,
            log: logPath)
    }

    /// What the program wrote to standard output and standard error.
    var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }
    var pid: pid_t { child.pid }
    var exitCode: Int32? { child.exitCode }

    func signal(_ number: Int32) { child.signal(number) }

    /// The code that the program ended with; `nil` when it did not end in time.
    func end(within seconds: Double = StreamClient.patience) async -> Int32? {
        _ = await eventually(within: seconds) { child.exitCode != nil }
        return child.exitCode
    }

    /// SIGTERM, and SIGKILL for what does not end.
    func stop() async { await child.end(SIGTERM, seconds: 20) }

    /// The port on which the program says that it listens.
    func port() async throws -> Int {
        _ = await eventually(within: 30) { listeningPort != nil || child.hasEnded }
        guard let port = listeningPort else { throw DidNotListen(log: log) }
        return port
    }

    private var listeningPort: Int? {
        let line = log.split(separator: "\n").first { $0.contains(" listening ") }
        return line?.split(separator: " ").first { $0.hasPrefix("port=") }.flatMap { Int($0.dropFirst(5)) }
    }

    /// User and system time that the process has used.
    var cpu: Duration {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
        // The name in parentheses may hold spaces; times are the 12th and 13th field behind it, in clock ticks.
        let fields = text.split(separator: ")").last?.split(separator: " ").compactMap { Int($0) } ?? []
        let ticks = fields.count > 11 ? fields[10] + fields[11] : 0
        return .milliseconds(ticks * 1_000 / Int(sysconf(Int32(_SC_CLK_TCK))))
    }

    /// Files and sockets that the process has open.
    var descriptors: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) ?? 0
    }
}
