import Foundation
import Report
import Testbed

extension Report {
    /// The beginning of a report: what runs here and now.
    ///
    /// - Parameter directory: of the binaries; the commit is that of a repository around it.
    static func begin(
        _ kind: String, _ title: String, command: String, directory: String = Binaries.ownDirectory
    ) async -> Report {
        let environment = await Environment.current(directory: directory)
        return Report(kind: kind, title: title, command: command, environment: environment, startedAt: now())
    }
}

extension Report.Environment {
    static func current(directory: String) async -> Report.Environment {
        let info = ProcessInfo.processInfo
        let release = KernelFigures.text("/proc/sys/kernel/osrelease")
        return Report.Environment(
            commit: await commit(in: directory), build: buildMode, cores: info.activeProcessorCount,
            memoryBytes: Int(info.physicalMemory),
            kernel: "Linux " + release.trimmingCharacters(in: .whitespacesAndNewlines),
            processor: processorName(KernelFigures.text("/proc/cpuinfo")),
            descriptorsMax: Capacity.ofThisMachine().perProcess)
    }

    /// The first `model name` of `/proc/cpuinfo`; `unknown` without one (some ARM kernels).
    static func processorName(_ cpuinfo: String) -> String {
        for line in cpuinfo.split(separator: "\n") where line.hasPrefix("model name") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            return line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        return "unknown"
    }

    private static var buildMode: String {
        #if DEBUG
            "debug"
        #else
            "release"
        #endif
    }

    private static func commit(in directory: String) async -> String? {
        guard let hash = await git(["rev-parse", "--short=12", "HEAD"], in: directory), !hash.isEmpty else {
            return nil
        }
        let changes = await git(["status", "--porcelain", "--untracked-files=no"], in: directory) ?? ""
        return changes.isEmpty ? hash : hash + "+"
    }

    private static func git(_ arguments: [String], in directory: String) async -> String? {
        guard let program = try? Binaries().system("git", package: "git") else { return nil }
        let text = try? await Supervisor().output(of: program, ["-C", directory] + arguments)
        return text?.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
