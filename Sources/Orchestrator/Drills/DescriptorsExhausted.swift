import Foundation
import NIOCore
import Testbed

/// More connections than descriptors.
extension Drill {
    static let descriptorsExhausted = Drill(
        name: "descriptors-exhausted",
        story:
            "A CommentAPI, a Reader and a StatsAPI with 100 descriptors get 200 connections: what is too much is refused,"
            + " no core spins, and all is well when they go."
    ) { fault in
        let (testbed, told) = (fault.testbed, fault.services.told)
        var victims: [Node] = []
        for role in [Node.Role.commentAPI, .reader, .statistics] {
            victims.append(
                try await testbed.addService(
                    role, name: "small-\(role.rawValue)", told,
                    role == .reader ? ["PLACEMENT": "random"] : [:], descriptorsMax: 100))
        }
        try await Node.waitUntilReady(victims)
        fault.tell(.begin, "three services have 100 descriptors each")
        for victim in victims { try await fault.exhaust(victim) }
        fault.tell(.end, "the connections are gone")
        for victim in victims {
            let answer = try? await ServiceClient(victim, timeout: .seconds(2)).get("/health")
            fault.note("\(victim.name): does not answer afterwards", answer == nil ? 1 : 0, promised: 0...0)
        }
    }
}

extension FaultInjector {
    fileprivate func exhaust(_ victim: Node) async throws {
        guard let pid = victim.child?.pid else { return }
        let connections = 200
        let before = try await load(of: pid)
        let open = ProcessUsage.descriptors(pid: pid)
        let sockets = (0..<connections).compactMap { _ in try? RawConnection(port: victim.port) }
        let during = try await load(of: pid)
        let (taken, name) = (ProcessUsage.descriptors(pid: pid) - open, victim.name)
        // Until here they stand.
        let refused = connections - sockets.count { $0.isSilent }
        tell(.step, "\(name): \(taken) of \(connections) connections taken, \(refused) refused, \(during)% of a core")
        note("\(name): connections taken", taken, needed: 10...connections)
        note("\(name): connections neither taken nor refused", max(0, connections - taken - refused), promised: 0...5)
        // A machine that is busy leaves a loop that spins less than a core.
        note("\(name): percent of a core more than before", max(0, during - before), promised: 0...30)
    }

    /// Percent of a core over the next 3 s.
    private func load(of pid: Int32) async throws -> Int {
        let before = ProcessUsage.sample(pid: pid)?.cpuSeconds ?? 0
        try await Task.sleep(for: .seconds(3))
        return Int(((ProcessUsage.sample(pid: pid)?.cpuSeconds ?? 0) - before) / 3 * 100)
    }
}
