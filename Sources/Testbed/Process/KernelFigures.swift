import Foundation

/// What the kernel tells of this machine and its processes (proc(5)).
public enum KernelFigures {
    /// Of a file of `/proc`; empty when there is none.
    public static func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

    /// Resident memory of a process; 0 when it is gone.
    public static func residentBytes(pid: Int32) -> Int { kilobytes("VmRSS:", in: text("/proc/\(pid)/status")) << 10 }

    /// A process's proportional set: what several share counts once.
    public static func proportionalBytes(pid: Int32) -> Int {
        kilobytes("Pss:", in: text("/proc/\(pid)/smaps_rollup")) << 10
    }

    /// What the kernel uses for its own objects: sockets, files, buffers among them.
    public static func slabBytes() -> Int { kilobytes("Slab:", in: text("/proc/meminfo")) << 10 }

    /// TCP sockets in use, from `/proc/net/sockstat`.
    public static func socketsInUse(_ text: String) -> Int {
        let line = text.split(separator: "\n").first { $0.hasPrefix("TCP: inuse ") }
        return line.flatMap { Int($0.split(separator: " ")[2]) } ?? 0
    }

    /// Processor time of all processors that was not idle, since the start of the machine.
    public static func machineCPUSeconds() -> Double { machineCPUSeconds(in: text("/proc/stat")) }

    /// The first line has user, nice, system, idle, iowait, irq and softirq time, in ticks; what follows is in these, or not
    /// ours.
    public static func machineCPUSeconds(in stat: String) -> Double {
        let fields = (stat.split(separator: "\n").first ?? "").split(separator: " ").dropFirst().compactMap {
            Double($0)
        }
        guard fields.count >= 7 else { return 0 }
        return (fields[0] + fields[1] + fields[2] + fields[5] + fields[6]) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// The number behind a key at the beginning of a line.
    public static func kilobytes(_ key: String, in text: String) -> Int {
        let line = text.split(separator: "\n").first { $0.hasPrefix(key) }
        return line?.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }.first ?? 0
    }
}
