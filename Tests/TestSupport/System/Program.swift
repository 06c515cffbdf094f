import Foundation
public import Glibc
import Primitives
public import Testbed

/// One of the built binaries, or a program of the system, started by a test. Its environment holds what the test gives it
/// and little else.
public struct Program: Sendable {
    public struct DidNotListen: Error, CustomStringConvertible {
        let log: String
        public var description: String { "the program did not listen: \(log)" }
    }

    public let child: Child
    private static let supervisor = Supervisor()

    /// - Parameters:
    ///   - name: a binary beside that of the test, or the path of another program.
    ///   - folder: for the log, and for temporary files.
    ///   - descriptorsMax: `ulimit -n` of the process, hard and soft.
    public init(
        _ name: String, _ arguments: [String] = [], environment: [String: String] = [:], folder: String,
        descriptorsMax: Int? = nil, ignoresHangup: Bool = false
    ) async throws {
        var command = [name.contains("/") ? name : "\(Binaries.ownDirectory)/\(name)"] + arguments
        if ignoresHangup { command = ["/bin/sh", "-c", "trap '' HUP; exec \"$@\"", "sh"] + command }
        let file = name.split(separator: "/").last ?? "program"
        var specification = ChildSpecification(
            name: name, executable: command[0], arguments: Array(command.dropFirst()),
            environment: ["TMPDIR": folder].merging(environment) { $1 },
            log: "\(folder)/\(file)-\(UUID().uuidString.prefix(8)).log", life: .ends(codes: Set(0...255)))
        specification.descriptorsMax = descriptorsMax
        specification.grace = .seconds(20)
        child = try await Self.supervisor.start(specification)
    }

    /// What the program wrote to standard output and standard error.
    public var log: String { (try? String(contentsOfFile: child.specification.log, encoding: .utf8)) ?? "" }
    public var pid: pid_t { child.pid ?? 0 }
    /// The code that the program ended with, or 128 and the signal that ended it; `nil` while it runs.
    public var exitCode: Int32? { child.exitCode }

    public func signal(_ number: Int32) { child.signal(number) }

    /// The code that the program ended with; `nil` when it did not end in time.
    public func end(within seconds: Double = StreamClient.patience) async -> Int32? {
        _ = await eventually(within: seconds) { exitCode != nil }
        return exitCode
    }

    /// SIGTERM, and SIGKILL for what does not end.
    public func stop() async { await Self.supervisor.stop(child) }

    /// The port on which the program says that it listens.
    public func port() async throws -> Int {
        _ = await eventually(within: 30) { listeningPort != nil || exitCode != nil }
        guard let port = listeningPort else { throw DidNotListen(log: log) }
        return port
    }

    private var listeningPort: Int? {
        let line = log.split(separator: "\n").first { $0.contains(" listening ") }
        return line?.split(separator: " ").first { $0.hasPrefix("port=") }.flatMap { Int($0.dropFirst(5)) }
    }

    /// User and system time that the process has used.
    public var cpu: Duration { .seconds(ProcessUsage.sample(pid: pid)?.cpuSeconds ?? 0) }
}

extension Child {
    /// The code that it ended with, or 128 and the signal that ended it; `nil` while it runs.
    public var exitCode: Int32? {
        switch exit {
        case .code(let code): code
        case .signal(let signal): 128 + signal
        case .notStarted: 127
        case nil: nil
        }
    }
}
