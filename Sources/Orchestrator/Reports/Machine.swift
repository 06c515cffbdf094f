import Foundation
import Glibc

/// The machine of a measurement; an absolute time means little without it.
struct Machine: Codable, Equatable, Sendable {
    var cores: Int
    var memoryBytes: Int
    /// For instance `Linux 6.1.0`.
    var kernel: String
    var processor: String
    /// Hard limit for one process.
    var descriptorsMax: Int

    static func current() -> Machine {
        let info = ProcessInfo.processInfo
        let release = (try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)) ?? "?"
        return Machine(
            cores: info.activeProcessorCount, memoryBytes: Int(info.physicalMemory),
            kernel: "Linux " + release.trimmingCharacters(in: .whitespacesAndNewlines),
            processor: processorName((try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""),
            descriptorsMax: DescriptorLimits.ofThisProcess().perProcess)
    }

    /// The first `model name` of `/proc/cpuinfo`; `unknown` without one (some ARM kernels).
    static func processorName(_ cpuinfo: String) -> String {
        for line in cpuinfo.split(separator: "\n") where line.hasPrefix("model name") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            return line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        return "unknown"
    }
}

/// The programs of a measurement.
struct Software: Codable, Equatable, Sendable {
    /// Of the repository that the Orchestrator was built in, with `+` when the tree had changes; `nil` outside of one.
    var commit: String?
    /// `debug` or `release`.
    var build: String
    /// Redis's own version.
    var redis: String?

    static var buildMode: String {
        #if DEBUG
            "debug"
        #else
            "release"
        #endif
    }
}
