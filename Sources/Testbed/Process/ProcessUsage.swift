import Foundation
import Glibc

/// Processor time and memory of one process, from `/proc/<pid>/stat` and `/proc/<pid>/status` (proc(5)).
public struct ProcessUsage: Codable, Equatable, Sendable {
    public var cpuUserSeconds = 0.0
    public var cpuSystemSeconds = 0.0
    /// Resident memory at its highest.
    public var memoryPeakBytes = 0

    public var cpuSeconds: Double { cpuUserSeconds + cpuSystemSeconds }

    /// A later sample of the same process: times and the peak only grow.
    public mutating func take(_ sample: ProcessUsage) {
        cpuUserSeconds = max(cpuUserSeconds, sample.cpuUserSeconds)
        cpuSystemSeconds = max(cpuSystemSeconds, sample.cpuSystemSeconds)
        memoryPeakBytes = max(memoryPeakBytes, sample.memoryPeakBytes)
    }

    /// Another life of the same node: times add up, the peak is the higher one.
    public mutating func add(_ other: ProcessUsage) {
        cpuUserSeconds += other.cpuUserSeconds
        cpuSystemSeconds += other.cpuSystemSeconds
        memoryPeakBytes = max(memoryPeakBytes, other.memoryPeakBytes)
    }

    /// From the text of both files; `nil` when `stat` is not what proc(5) says.
    public init?(stat: String, status: String, ticksPerSecond: Double) {
        // The second field is the program's name in parentheses and may hold spaces and parentheses itself.
        guard let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return nil }
        cpuUserSeconds = user / ticksPerSecond
        cpuSystemSeconds = system / ticksPerSecond
        memoryPeakBytes = KernelFigures.kilobytes("VmHWM:", in: status) * 1024
    }

    public init() {}

    /// What `/proc` says of a process now; `nil` when it is gone.
    public static func sample(pid: Int32) -> ProcessUsage? {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        else { return nil }
        return ProcessUsage(stat: stat, status: status, ticksPerSecond: Double(sysconf(Int32(_SC_CLK_TCK))))
    }

    /// Of this process.
    public static var own: ProcessUsage { sample(pid: getpid()) ?? ProcessUsage() }

    /// Whether there is such a process, and it is not merely waiting to be reaped.
    public static func isAlive(pid: Int32) -> Bool {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
        return stat.lastIndex(of: ")").map { !stat[$0...].hasPrefix(") Z") } ?? false
    }

    /// Files and sockets that a process has open; 0 when it is gone.
    public static func descriptors(pid: Int32) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) ?? 0
    }
}
