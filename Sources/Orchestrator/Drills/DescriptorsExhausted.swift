import CKernel
import Foundation
import Glibc
import NIOCore

/// More connections than descriptors.
extension Drill {
    static let descriptorsExhausted = Drill(
        name: "descriptors-exhausted",
        story:
            "A CommentAPI, a Reader and StatsAPI each get 150 connections with 20 descriptors left: the rest is refused,"
            + " no core spins, and all is well when they go.",
        arrange: { layout, _ in layout.commentAPIs = 2 }
    ) { fault in
        let victims = [fault.services.commentAPIs[0], fault.victim, try fault.plant.node("stats-api")]
        fault.tell(.begin, "20 descriptors are left")
        for victim in victims { try await fault.exhaust(victim) }
        fault.tell(.end, "the limits are back")
        for victim in victims {
            let answers = try? await ServiceClient(node: victim, timeout: .seconds(2)).get("/health")
            fault.note("\(victim.name): does not answer afterwards", answers == nil ? 1 : 0, promised: 0...0)
        }
    }
}

extension Disturbance {
    private static let connections = 150
    private static let left = 20

    fileprivate func exhaust(_ victim: Node) async throws {
        guard let pid = victim.child?.pid, let port = victim.port else { return }
        let before = try await load(of: pid)
        let open = Self.open(pid)
        let limit = try Self.setLimit(of: pid, to: UInt64(open + Self.left))
        var sockets: [Int32] = []
        defer { for socket in sockets { close(socket) } }
        for _ in 0..<Self.connections {
            if let connection = try? RawConnection(port: port) { sockets.append(connection.release()) }
        }
        let during = try await load(of: pid)
        var byte: UInt8 = 0
        let refused =
            Self.connections - sockets.count { recv($0, &byte, 1, Int32(MSG_DONTWAIT)) < 0 && errno == EAGAIN }
        let served = Self.open(pid) - open
        for socket in sockets { close(socket) }
        sockets = []
        _ = try Self.setLimit(of: pid, to: limit)
        tell(.step, "\(victim.name): \(refused) of \(Self.connections) connections refused, \(during)% of a core")
        note("\(victim.name): connections refused", refused, promised: 100...Self.connections)
        note("\(victim.name): descriptors taken", served, needed: 10...Self.connections)
        // Half a core more than the crowd asks for, on a machine that may be busy.
        note("\(victim.name): percent of a core beyond its work", max(0, during - before), promised: 0...30)
    }

    /// Percent of a core over the next 3 s.
    private func load(of pid: Int32) async throws -> Int {
        let before = ProcessUsage.sample(pid: pid)?.cpuSeconds ?? 0
        try await Task.sleep(for: .seconds(3))
        return Int(((ProcessUsage.sample(pid: pid)?.cpuSeconds ?? 0) - before) / 3 * 100)
    }

    private static func open(_ pid: Int32) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) ?? 0
    }

    /// Of a process that runs; returns the limit that it had.
    private static func setLimit(of pid: Int32, to value: UInt64) throws(Failure) -> UInt64 {
        let before = chorus_set_descriptor_limit(pid, value)
        guard before > 0 else { throw .unavailable("prlimit: \(String(cString: strerror(errno)))") }
        return before
    }
}
