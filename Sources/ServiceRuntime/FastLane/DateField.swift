import Glibc
import Synchronization

/// The value of the `Date` field (RFC 9110, section 5.6.7), made once a second.
enum DateField {
    private static let made = Mutex((second: 0, text: ""))

    static func now() -> String {
        var clock = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &clock)
        let second = clock.tv_sec
        return made.withLock { made in
            if made.second != second { made = (second, text(of: second)) }
            return made.text
        }
    }

    /// - Parameter second: since 1970-01-01T00:00:00Z.
    static func text(of second: Int) -> String {
        var time = time_t(second)
        var parts = tm()
        gmtime_r(&time, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let day = "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)])"
        return "\(day) \(parts.tm_year + 1_900) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
    }
}
