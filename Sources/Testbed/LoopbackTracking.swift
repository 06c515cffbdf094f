import Foundation
import Glibc

/// Whether the kernel tracks connections of the loopback interface (conntrack), as it does once there are NAT rules: those
/// of a Docker engine, for instance. Each connection then takes a place in a table of, by default, 262,144.
public enum LoopbackTracking {
    private static let folder = "/proc/sys/net/netfilter"
    private static let tried = 32

    /// Connections that still fit into the table; `nil` when loopback is not tracked. Tries it with some connections.
    public static func room() -> Int? {
        guard let most = number("nf_conntrack_max"), let before = number("nf_conntrack_count") else { return nil }
        let listener = stream()
        guard listener >= 0, let port = try? Ports.one(), Ports.bind(listener, port), listen(listener, 64) == 0 else {
            return nil
        }
        var open = [listener]
        defer { for descriptor in open { close(descriptor) } }
        for _ in 0..<tried {
            let descriptor = stream()
            guard descriptor >= 0 else { return nil }
            open.append(descriptor)
            guard Ports.connect(descriptor, port) else { return nil }
        }
        return room(most: most, before: before, after: number("nf_conntrack_count") ?? before)
    }

    /// - Parameter after: entries of the table once ``tried`` connections were made.
    static func room(most: Int, before: Int, after: Int) -> Int? {
        after - before >= tried / 2 ? max(0, most - after) : nil
    }

    private static func stream() -> Int32 {
        socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    }

    private static func number(_ name: String) -> Int? {
        Int(KernelFigures.text("\(folder)/\(name)").trimmingCharacters(in: .whitespacesAndNewlines))
    }
}
