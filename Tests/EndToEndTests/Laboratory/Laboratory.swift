import Foundation
import Glibc
import TestSupport
import Testing

/// Runs the Orchestrator in a folder of its own, and makes sure that nothing of it is left afterwards.
///
/// - Parameter line: its arguments, separated by spaces; `@` is the folder.
func withOrchestrator(_ line: String, _ body: (Program, _ folder: String) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
        let program = try orchestrator(line, folder)
        do {
            try await body(program, folder)
        } catch {
            await program.stop()
            throw error
        }
        await program.stop()
        _ = await eventually(within: 30) { processes(of: folder).isEmpty }
        #expect(processes(of: folder).isEmpty, "\(program.log)")
    }
}

func orchestrator(_ line: String, _ folder: String) throws -> Program {
    let arguments = line.split(separator: " ").map { String($0.replacing("@", with: folder)) }
    return try Program("Orchestrator", arguments, folder: folder)
}

/// Ids of other processes that have something of `folder` open, or name it in their command line.
private func processes(of folder: String) -> [pid_t] {
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

/// A JSON document, or a part of one.
@dynamicMemberLookup struct JSON {
    let value: Any?

    init(_ value: Any?) { self.value = value }

    init(file: String) throws {
        value = try JSONSerialization.jsonObject(with: #require(FileManager.default.contents(atPath: file)))
    }

    subscript(dynamicMember name: String) -> JSON { JSON((value as? [String: Any])?[name]) }

    /// `nil` when it is no number or missing.
    var int: Int? { (value as? NSNumber)?.intValue }
    /// Not a number when it is none or missing: then nothing that is expected of it holds.
    var double: Double { (value as? NSNumber)?.doubleValue ?? .nan }
    var text: String? { value as? String }
    var all: [JSON] { (value as? [Any] ?? []).map { JSON($0) } }
}

/// What a report says of the deliveries of one run: something arrived, and nothing was lost, repeated, or out of order.
func expectNothingLost(_ delivery: JSON, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect((delivery.delivered.int ?? 0) > 0, sourceLocation: sourceLocation)
    for fault in [delivery.lost, delivery.repeated, delivery.reordered, delivery.toldMissing] {
        #expect(fault.int == 0, sourceLocation: sourceLocation)
    }
}
