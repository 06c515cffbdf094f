import Foundation
import Glibc
import Report
import TestSupport
import Testing

/// Runs the Orchestrator in a folder of its own, and makes sure that nothing of it is left afterwards.
///
/// - Parameter line: its arguments, separated by spaces; `@` is the folder.
func withOrchestrator(_ line: String, _ body: (Program, _ folder: String) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
        let program = try await orchestrator(line, folder)
        try await withEnd({ await program.stop() }) { try await body(program, folder) }
        _ = await eventually(within: 30) { processes(of: folder).isEmpty }
        #expect(processes(of: folder).isEmpty, "\(program.log)")
        #expect(temporaryFolders(in: folder).isEmpty, "\(program.log)")
    }
}

func orchestrator(_ line: String, _ folder: String) async throws -> Program {
    let arguments = line.split(separator: " ").map { String($0.replacing("@", with: folder)) }
    return try await Program("Orchestrator", arguments, folder: folder)
}

/// Folders of servers' data that were left behind.
func temporaryFolders(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.contains("chorus-data") }
}

/// The id of the process of `folder` that runs this program.
func processID(of program: String, in folder: String) -> pid_t? {
    processes(of: folder).first { pid in
        // Debian's redis-server is a link to another file: only its title has the name.
        let command = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
        let title = String(decoding: command, as: UTF8.self).prefix { $0 != "\0" && $0 != " " }
        return title.split(separator: "/").last.map(String.init) == program
    }
}

/// Ids of other processes that have something of `folder` open, or name it in their command line.
func processes(of folder: String) -> [pid_t] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { pid_t($0) }.filter { pid in
        guard pid != getpid() else { return false }
        let command = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
        if String(decoding: command, as: UTF8.self).contains(folder) { return true }
        let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")) ?? []
        return descriptors.contains { name in
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\(name)")
            return target?.hasPrefix(folder) == true
        }
    }
}

/// What a report says of its deliveries: something arrived, and nothing was lost, repeated, or out of order.
func expectNothingLost(_ report: Report, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(report.value("delivered") ?? 0 > 0, sourceLocation: sourceLocation)
    for name in ["lost", "repeated", "out of order", "told missing"] {
        #expect(report.value(name) == 0, sourceLocation: sourceLocation)
    }
}
