import Testbed

/// What an upgrade of a Redis Cluster does: nothing may be noticed.
extension Drill {
    static let masterFailover = Drill(
        name: "cluster-restart",
        story: "Every node of a Redis Cluster is restarted in turn, each master after CLUSTER FAILOVER on its replica.",
        redis: .several, arrange: { setup, settings in setup.cluster(settings, replicas: 1) }
    ) { fault in
        let cluster = try fault.cluster()
        let calm = try await fault.untilWhole(fault.unwatched(onMaster: 0), since: .now)
        fault.note("ms until whole before that", calm, needed: 0...10_000)
        fault.tell(.begin, "CLUSTER FAILOVER on \(cluster.replicas[0].first?.name ?? "a replica")")
        for (number, (master, replicas)) in zip(cluster.masters, cluster.replicas).enumerated() {
            guard let replica = replicas.first else { throw Failure.unavailable("there is no replica") }
            let video = try fault.unwatched(onMaster: number)
            for (old, new) in [(master, replica), (replica, master)] {
                let start = ContinuousClock.now
                try await fault.redis("CLUSTER", "FAILOVER", port: new.port)
                _ = try await fault.promoted(of: [new])
                fault.note(
                    "ms until whole, \(new.name) for \(old.name)", try await fault.untilWhole(video, since: start),
                    promised: 0...calm + 500)
                try await old.restart()
                try await fault.follows(old)
                try await fault.isLinked(old)
                fault.tell(.step, "\(new.name) is the master, \(old.name) has restarted")
            }
        }
        fault.tell(.end, "the last node follows")
    }
}
