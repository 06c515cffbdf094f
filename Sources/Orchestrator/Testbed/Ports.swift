import Foundation
import Glibc

/// TCP ports for servers of one run.
///
/// They lie below the range from which the kernel takes the ports of outgoing connections: otherwise one of thousands of
/// viewers can sit on the port of a Reader that is just being restarted.
enum Ports {
    /// `count` different ports on 127.0.0.1 that were free a moment ago.
    ///
    /// - Throws: ``Failure/unavailable(_:)`` when there are not that many.
    static func free(_ count: Int, range: Range<Int> = Ports.range()) throws(Failure) -> [Int] {
        let start = Int.random(in: range)
        var ports: [Int] = []
        for step in 0..<range.count where ports.count < count {
            let port = range.lowerBound + (start - range.lowerBound + step) % range.count
            if isFree(port) { ports.append(port) }
        }
        guard ports.count == count else {
            throw .unavailable(
                "only \(ports.count) of \(count) TCP ports are free in \(range.lowerBound)-\(range.upperBound - 1)")
        }
        return ports
    }

    /// From 10,000 up to the first port for outgoing connections.
    static func range() -> Range<Int> {
        let text = (try? String(contentsOfFile: "/proc/sys/net/ipv4/ip_local_port_range", encoding: .utf8)) ?? ""
        let low = text.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) } ?? 32_768
        return 10_000..<max(low, 12_000)
    }

    static func isFree(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        // As servers do it: the remains of closed connections do not count.
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return result == 0
    }
}
