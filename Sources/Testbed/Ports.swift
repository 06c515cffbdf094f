import Foundation
import Glibc
import Primitives

/// TCP ports for servers on 127.0.0.1.
///
/// They lie below the range from which the kernel takes the ports of outgoing connections: otherwise one of thousands of
/// viewers can sit on the port of a Reader that is just being restarted. None is given out twice before all were: who
/// still looks for a server that was stopped does not find another one there.
public enum Ports {
    private static let given = Mutex<Set<Int>>([])

    /// `count` different ports that were free a moment ago.
    ///
    /// - Throws: ``Failure/unavailable(_:)`` when there are not that many.
    public static func free(_ count: Int, range: Range<Int> = Ports.range()) throws(Failure) -> [Int] {
        let ports = given.withLock { given in
            if range.count - given.count < count { given = [] }
            let start = Int.random(in: range)
            var ports: [Int] = []
            for step in 0..<range.count where ports.count < count {
                let port = range.lowerBound + (start - range.lowerBound + step) % range.count
                if !given.contains(port), isFree(port) { ports.append(port) }
            }
            given.formUnion(ports)
            return ports
        }
        guard ports.count == count else {
            throw .unavailable(
                "only \(ports.count) of \(count) TCP ports are free in \(range.lowerBound)-\(range.upperBound - 1)")
        }
        return ports
    }

    public static func one() throws(Failure) -> Int { try free(1)[0] }

    /// From 10,000 up to the first port for outgoing connections.
    public static func range() -> Range<Int> {
        let text = KernelFigures.text("/proc/sys/net/ipv4/ip_local_port_range")
        let low = text.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) } ?? 32_768
        return 10_000..<max(low, 12_000)
    }

    public static func isFree(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        // As servers do it: the remains of closed connections do not count.
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        return withAddress(port) { Glibc.bind(descriptor, $0, $1) == 0 }
    }

    /// Connects a socket to a port of 127.0.0.1.
    public static func connect(_ descriptor: Int32, _ port: Int) -> Bool {
        withAddress(port) { Glibc.connect(descriptor, $0, $1) == 0 }
    }

    static func bind(_ descriptor: Int32, _ port: Int) -> Bool {
        withAddress(port) { Glibc.bind(descriptor, $0, $1) == 0 }
    }

    private static func withAddress(_ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Bool) -> Bool {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}
