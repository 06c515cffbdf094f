internal import Glibc

/// The number of files and sockets that this process may have open (`getrlimit(2)`).
public enum DescriptorLimit {
    /// The soft limit; 1,024 when the kernel does not say.
    public static var current: Int { read().map { Int(clamping: $0.rlim_cur) } ?? 1024 }

    /// The hard limit, up to which a process may raise its own; 1,024 when the kernel does not say.
    public static var maximum: Int { read().map { Int(clamping: $0.rlim_max) } ?? 1024 }

    /// Raises the soft limit to the hard one and returns the limit that then holds.
    @discardableResult
    public static func raise() -> Int {
        if var limit = read(), limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            setrlimit(resource, &limit)
        }
        return current
    }

    private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)

    private static func read() -> rlimit? {
        var limit = rlimit()
        return getrlimit(resource, &limit) == 0 ? limit : nil
    }
}
