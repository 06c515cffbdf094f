import Audience
import RedisNIO
import Testbed

/// Slots of a Redis Cluster move while people write.
extension Drill {
    static let reshard = Drill(
        name: "reshard",
        story: "redis-cli moves half of a master's slots to another one while people write.",
        redis: .several, lateSecondsMax: 0.5, arrange: { setup, settings in setup.cluster(settings, replicas: 0) }
    ) { fault in
        let cluster = try fault.cluster()
        let (source, target) = (cluster.masters[0], cluster.masters[1])
        let slots = HashSlot.count / cluster.masters.count / 2
        fault.tell(.begin, "redis-cli --cluster reshard: \(slots) slots from \(source.name) to \(target.name)")
        try await fault.redisCLI(
            "reshard", "127.0.0.1:\(source.port)", "--cluster-from", fault.id(of: source), "--cluster-to",
            fault.id(of: target), "--cluster-slots", "\(slots)", "--cluster-yes")
        fault.tell(.end, "\(slots) slots have moved")
        let moved = RedisCluster.slots(ofMaster: 0, of: cluster.masters.count).prefix(slots)
        fault.note("channels that moved", try fault.channels { moved.contains($0) }.count, needed: 1...Int.max)
    }

    static let openSlots = Drill(
        name: "open-slots",
        story:
            "The slots of the most watched videos of a master stay half moved for 8 s: some with their keys here, some"
            + " there.",
        redis: .several, lateSecondsMax: 2, arrange: { setup, settings in setup.cluster(settings, replicas: 0) }
    ) { fault in
        let cluster = try fault.cluster()
        let (source, target) = (cluster.masters[0], cluster.masters[1])
        let (from, to) = (try await fault.id(of: source), try await fault.id(of: target))
        let own = RedisCluster.slots(ofMaster: 0, of: cluster.masters.count)
        let open = try fault.channels { own.contains($0) }.prefix(6).map { HashSlot(key: $0).number }
        fault.note("slots that stay open", open.count, needed: 2...6)
        fault.tell(.begin, "\(open.count) slots of \(source.name) are open towards \(target.name)")
        for (index, slot) in open.enumerated() {
            try await fault.redis("CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", from, port: target.port)
            try await fault.redis("CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", to, port: source.port)
            if !index.isMultiple(of: 2) { try await fault.moveKeys(of: slot, from: source, to: target) }
        }
        try await Task.sleep(for: .seconds(8))
        for slot in open {
            try await fault.moveKeys(of: slot, from: source, to: target)
            for node in [target, source] + cluster.masters.dropFirst(2) {
                try await fault.redis("CLUSTER", "SETSLOT", "\(slot)", "NODE", to, port: node.port)
            }
        }
        fault.tell(.end, "they have moved")
    }
}

extension FaultInjector {
    /// Channels in such slots, the most watched one first.
    fileprivate func channels(_ isWanted: (Int) -> Bool) throws -> [String] {
        try audience().channelNames.filter { isWanted(HashSlot(key: $0).number) }
    }

    fileprivate func moveKeys(of slot: Int, from source: Node, to target: Node) async throws {
        while true {
            let keys = try await redis("CLUSTER", "GETKEYSINSLOT", "\(slot)", "100", port: source.port).array ?? []
            guard !keys.isEmpty else { return }
            let command = ["127.0.0.1", "\(target.port)", "", "0", "2000", "KEYS"] + keys.compactMap(\.text)
            try await RedisProbe(source).send(RedisCommand("MIGRATE", command))
        }
    }
}
