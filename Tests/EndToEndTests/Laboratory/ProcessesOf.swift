import Foundation
import Glibc

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
