internal import Glibc

/// What this process has used so far.
struct ResourceUsage: Equatable, Sendable {
    /// User and system time.
    var cpuSeconds: Double
    var residentBytesMax: Int

    static func now() -> ResourceUsage {
        var usage = rusage()
        getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        return ResourceUsage(
            cpuSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime),
            // Linux counts in kibibytes (getrusage(2)).
            residentBytesMax: usage.ru_maxrss * 1024)
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
}
