import Glibc

/// What the kernel knows of this process, under the names that Prometheus clients use.
enum ProcessMetrics {
    static func register(in registry: PrometheusRegistry, descriptorsMax: Int) {
        let started = seconds(of: CLOCK_REALTIME)
        registry.gauge("process_start_time_seconds", "Start of the process, in seconds since 1970.") { started }
        registry.counter("process_cpu_seconds_total", "User and system time that the process has used.") {
            cpuSeconds()
        }
        registry.gauge("process_resident_memory_bytes", "Memory of the process that is in RAM.") { residentBytes() }
        registry.gauge("process_open_fds", "Open descriptors.") { Double(openDescriptors()) }
        registry.gauge("process_max_fds", "Descriptors that may be open.") { Double(descriptorsMax) }
    }

    private static func seconds(of clock: clockid_t) -> Double {
        var now = timespec()
        clock_gettime(clock, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }

    static func cpuSeconds() -> Double { seconds(of: CLOCK_PROCESS_CPUTIME_ID) }

    /// The second field of `/proc/self/statm`, in pages (proc(5)).
    static func residentBytes() -> Double {
        let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return .nan }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { return .nan }
        let fields = String(decoding: buffer[..<count], as: UTF8.self).split(separator: " ")
        guard fields.count > 1, let pages = Double(fields[1]) else { return .nan }
        return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    }

    static func openDescriptors() -> Int {
        guard let directory = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(directory) }
        var entries = 0
        while readdir(directory) != nil { entries += 1 }
        // `.`, `..` and the descriptor of this directory itself.
        return max(0, entries - 3)
    }
}
